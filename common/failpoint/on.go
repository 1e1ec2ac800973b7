//go:build failpoints

package failpoint

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

const (
	armedFile = "armed"
	seenFile  = "seen"
)

// The actions of an order of a drill.
const (
	actKill = "kill"
	actCut  = "cut"
)

// Hit ends the process, as kill -9 does, if a drill asks for it at this step.
func Hit(name string) {
	if act := claim(name); act == actKill {
		die()
	}
}

// claim returns what a drill asks for at this step or statement, once in all processes, and empty nearly always. The file has the
// action, the probability with which it happens at each passing, and what it happens at, with a tab between them.
func claim(name string) (act string) {
	dir := os.Getenv(DirVariable)
	if dir == "" {
		return ""
	}
	file := filepath.Join(dir, armedFile)
	order, err := os.ReadFile(file)
	if err != nil {
		return "" // nothing is asked for
	}
	var chance float64
	var at string
	if _, err := fmt.Sscanf(string(order), "%s\t%f\t", &act, &chance); err != nil {
		return ""
	}
	if at = lastField(order); at != name || rand.Float64() >= chance || os.Remove(file) != nil {
		return ""
	}
	return act
}

// lastField is what stands behind the last tab.
func lastField(order []byte) string {
	for i := len(order) - 1; i >= 0; i-- {
		if order[i] == '\t' {
			return string(order[i+1:])
		}
	}
	return ""
}

// note adds a statement to those that have run.
func note(name string) error {
	dir := os.Getenv(DirVariable)
	if dir == "" {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(dir, seenFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(name + "\n")
	return errors.Join(err, f.Close())
}

// die returns never: nothing of the process may run between the step and its death.
func die() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill() // what else could be done
	}
	select {}
}

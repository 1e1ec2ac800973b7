// Package process starts, finds again and stops the children that outlive this program, and keeps its calls on one directory apart.
package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"boxoffice/scripts/stack/internal/file"
)

// Process is one child that outlives this program. Its birth tells it from a
// later process that was given the same id.
type Process struct {
	PID   int    `json:"pid"`
	Birth string `json:"birth"`
}

// Alive reports whether this very process still runs.
func (p Process) Alive() bool {
	birth, err := birthOf(p.PID)
	return err == nil && birth == p.Birth
}

// Load returns the process of a pid file while it is alive.
func Load(pidFile string) (Process, bool, error) {
	b, err := os.ReadFile(pidFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Process{}, false, nil
	}
	if err != nil {
		return Process{}, false, fmt.Errorf("read pid file: %w", err)
	}
	var p Process
	if err := json.Unmarshal(b, &p); err != nil {
		return Process{}, false, fmt.Errorf("decode pid file %s: %w", filepath.Base(pidFile), err)
	}
	return p, p.Alive(), nil
}

// Launch starts argv in its own session, with its output in logFile (the
// former one is kept as .1), and records it in pidFile.
func Launch(argv, env []string, logFile, pidFile string) (Process, error) {
	if err := os.Rename(logFile, logFile+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Process{}, fmt.Errorf("keep former log: %w", err)
	}
	log, err := os.Create(logFile)
	if err != nil {
		return Process{}, fmt.Errorf("create log: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own descriptor
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = append(os.Environ(), env...), log, log, filepath.Dir(logFile)
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return Process{}, fmt.Errorf("start %s: %w", filepath.Base(argv[0]), err)
	}
	p, err := record(cmd.Process.Pid, pidFile)
	if err != nil {
		return Process{}, errors.Join(err, cmd.Process.Kill())
	}
	return p, cmd.Process.Release()
}

func record(pid int, pidFile string) (Process, error) {
	birth, err := birthOf(pid)
	if err != nil {
		return Process{}, err
	}
	p := Process{PID: pid, Birth: birth}
	b, err := json.Marshal(p)
	if err != nil {
		return Process{}, fmt.Errorf("encode pid file: %w", err)
	}
	return p, file.Replace(pidFile, b)
}

// signal sends sig, unless the process is not ours any more.
func (p Process) signal(sig os.Signal) error {
	if !p.Alive() {
		return nil
	}
	child, err := os.FindProcess(p.PID)
	if err != nil {
		return fmt.Errorf("find process: %w", err)
	}
	if err := child.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return nil
}

// Stop sends sig and waits until the process is gone; after patience it is
// killed. A process that is not ours is left alone, and one that is frozen goes on first, to hear the signal.
func (p Process) Stop(ctx context.Context, sig os.Signal, patience time.Duration) error {
	if !p.Alive() {
		return nil
	}
	if err := errors.Join(p.signal(sig), p.Thaw()); err != nil {
		return err
	}
	gone, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := Poll(gone, func() (bool, error) { return !p.Alive(), nil })
	if err == nil || sig == syscall.SIGKILL || ctx.Err() != nil {
		return err
	}
	return p.Stop(ctx, syscall.SIGKILL, patience)
}

// Freeze stops a process where it is: it keeps its ports and connections and says nothing.
func (p Process) Freeze() error {
	if freezeSignal() == nil {
		return errors.New("freezing a process needs a Unix")
	}
	return p.signal(freezeSignal())
}

// Thaw has a frozen process go on.
func (p Process) Thaw() error {
	if thawSignal() == nil {
		return nil // nothing was ever frozen here
	}
	return p.signal(thawSignal())
}

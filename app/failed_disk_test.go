//go:build linux && !race

package app

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A log that had failed was noticed by nobody: the process went on, green, and refused every purchase. It ends now, and what
// it says is one line, in which the cause stands once.
func TestOfficeEndsWhenItsLogFails(t *testing.T) {
	t.Parallel()
	o := newEmbedded(t, t.TempDir())
	stdout := newOutput(t)
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- Main(nil, nil, func(name string) string { return o.env[name] }, stdout, &stderr) }()
	select {
	case line := <-stdout.ready:
		o.shop, o.admin = addresses(line)
	case code := <-ended:
		t.Fatalf("it ended at its start with %d: %s", code, &stderr)
	case <-time.After(testDeadline):
		t.Fatal("the office was not ready in time")
	}
	screening := o.addScreening(10, 0)
	o.mustBuy("alice", screening, 1)
	makeReadOnly(t, filepath.Join(brokerDir(o.dir), "log", "0"))
	// Its answer may be lost with the process.
	_, _ = o.send("POST", "/v1/screenings/"+screening+"/orders", bearer(t, "bob", "buyer"), `{"quantity":1}`, "Idempotency-Key", "k")
	select {
	case code := <-ended:
		said := stderr.String()
		if code != 1 || strings.Count(said, "\n") != 1 || !strings.Contains(said, "start again, so that it recovers") ||
			strings.Count(said, "bad file descriptor") != 1 {
			t.Errorf("it ends with %d and says %q, want one line that says what to do, with its cause once", code, said)
		}
	case <-time.After(stopTimeout + testDeadline):
		t.Fatal("the process goes on")
	}
	o.start() // and recovers
	o.mustBuy("carol", screening, 1)
}

// makeReadOnly makes every write fail to the open files of this process whose names begin so, as a disk does that is gone.
func makeReadOnly(t *testing.T, prefix string) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	replaced := 0
	for _, entry := range entries {
		if name, err := os.Readlink("/proc/self/fd/" + entry.Name()); err != nil || !strings.HasPrefix(name, prefix) {
			continue
		}
		var fd int
		if _, err := fmt.Sscan(entry.Name(), &fd); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Dup3(int(null.Fd()), fd, 0); err != nil {
			t.Fatal(err)
		}
		replaced++
	}
	if replaced == 0 {
		t.Fatalf("no file %s... is open", prefix)
	}
}

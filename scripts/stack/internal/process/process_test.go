//go:build unix

package process

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"boxoffice/scripts/stack/internal/file"
)

// newSleeper launches a process that is ours, and its pid file.
func newSleeper(t *testing.T, argv ...string) (Process, string) {
	t.Helper()
	dir := t.TempDir()
	pidFile := filepath.Join(dir, "sleeper.pid")
	p, err := Launch(argv, nil, filepath.Join(dir, "out.log"), pidFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(context.WithoutCancel(t.Context()), syscall.SIGKILL, 10*time.Second); err != nil {
			t.Error(err)
		}
	})
	return p, pidFile
}

func TestPidFileOfLivingProcess(t *testing.T) {
	p, pidFile := newSleeper(t, "sleep", "60")
	got, alive, err := Load(pidFile)
	if err != nil || !alive || got != p {
		t.Fatalf("Load = %v, %t, %v; want %v alive", got, alive, err, p)
	}
	if err := p.Stop(t.Context(), syscall.SIGTERM, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	// The test has not waited for its child, so it is a zombie now.
	if _, alive, err := Load(pidFile); alive || err != nil {
		t.Fatalf("after stop: alive=%t, %v; want gone", alive, err)
	}
}

// A pid file survives a reboot or a crash, and its number may by then belong to
// somebody else's process, which down must not touch.
func TestPidFileOfAnotherProcess(t *testing.T) {
	p, pidFile := newSleeper(t, "sleep", "60")
	stale := Process{PID: p.PID, Birth: "an earlier boot/17"}
	b, err := json.Marshal(stale)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Replace(pidFile, b); err != nil {
		t.Fatal(err)
	}
	got, alive, err := Load(pidFile)
	if err != nil || alive {
		t.Fatalf("Load: alive=%t, %v; want not ours", alive, err)
	}
	if err := got.Stop(t.Context(), syscall.SIGKILL, time.Second); err != nil {
		t.Fatal(err)
	}
	if !p.Alive() {
		t.Fatal("stop killed a process that it did not start")
	}
}

func TestStopKillsAfterPatience(t *testing.T) {
	p, pidFile := newSleeper(t, "sh", "-c", `trap "" TERM; echo deaf; while :; do sleep 1; done`)
	log := filepath.Join(filepath.Dir(pidFile), "out.log")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := Poll(ctx, func() (bool, error) {
		b, err := os.ReadFile(log)
		return strings.Contains(string(b), "deaf"), err
	})
	if err != nil {
		t.Fatalf("wait for the trap: %v", err)
	}
	if err := p.Stop(t.Context(), syscall.SIGTERM, 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if p.Alive() {
		t.Fatal("alive after stop")
	}
}

// A frozen process hears no SIGTERM: down waited a minute for each.
func TestFrozenPartStopsInOrder(t *testing.T) {
	p, _ := newSleeper(t, "sleep", "60")
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	awaitFrozen(t, p, true)
	if err := p.Thaw(); err != nil {
		t.Fatal(err)
	}
	awaitFrozen(t, p, false)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // less than the patience after which it would be killed
	defer cancel()
	if err := errors.Join(p.Freeze(), p.Stop(ctx, syscall.SIGTERM, time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// awaitFrozen waits until the process is where a signal was to bring it.
func awaitFrozen(t *testing.T, p Process, want bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := Poll(ctx, func() (bool, error) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID) + "/stat")
		if err != nil {
			t.Skip("no /proc here")
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		return (fields[0] == "T") == want, nil
	})
	if err != nil {
		t.Fatalf("frozen is not %t: %v", want, err)
	}
}

func TestPidFileMissingOrBroken(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "x.pid")
	if _, alive, err := Load(pidFile); alive || err != nil {
		t.Fatalf("missing: alive=%t, %v", alive, err)
	}
	if err := file.Replace(pidFile, []byte("4711")); err != nil {
		t.Fatal(err)
	}
	if _, alive, err := Load(pidFile); alive || err == nil {
		t.Fatalf("broken: alive=%t, %v; want an error", alive, err)
	}
}

func TestBirthInStat(t *testing.T) {
	if _, err := os.Stat("/proc/sys/kernel/random/boot_id"); err != nil {
		t.Skip("no /proc here: births come from ps")
	}
	const rest = " 1 2 3 0 -1 4 5 6 7 8 9 10 11 12 20 0 1 0 98765 1000 10"
	birth, err := birthInStat("42 (a b) S) S" + rest)
	if err != nil || !strings.HasSuffix(birth, "/98765") {
		t.Errorf("birth = %q, %v; want start time 98765", birth, err)
	}
	if _, err := birthInStat("42 (zombie) Z" + rest); !errors.Is(err, errGone) {
		t.Errorf("zombie: %v, want %v", err, errGone)
	}
	// A broker that was killed and started at once found its own port taken:
	// the first thread was a zombie, others had not closed the files yet.
	dying := strings.Replace(rest, " 20 0 1 0 98765", " 20 0 37 0 98765", 1)
	if _, err := birthInStat("42 (java) Z" + dying); err != nil {
		t.Errorf("zombie with threads: %v, want alive", err)
	}
	if _, err := birthInStat("42 (short) S 1 2"); err == nil {
		t.Error("short line: no error")
	}
}

// Two tests that both call up would otherwise start two brokers on one store.
func TestLockDirIsExclusive(t *testing.T) {
	dir := t.TempDir()
	unlock, err := LockDir(t.Context(), dir, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockDir(t.Context(), dir, 10*time.Millisecond); err == nil {
		t.Fatal("a second lock was given")
	}
	unlock()
	unlock, err = LockDir(t.Context(), dir, time.Second)
	if err != nil {
		t.Fatalf("lock after unlock: %v", err)
	}
	unlock()
}

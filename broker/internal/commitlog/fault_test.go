package commitlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// After a failed fsync Linux marks the dirty pages clean: a second fsync on the
// same descriptor succeeds although nothing reached the disk. So the log must
// never ask again.
func TestSyncErrorIsSticky(t *testing.T) {
	gate := newGate()
	l := newLog(t, Options{OpenFile: gate.openFile})
	_, durable := mustAppend(t, l, "durable")
	awaitBegun(t, gate)
	gate.permits <- struct{}{}
	mustWait(t, l, durable)

	offset, lost := mustAppend(t, l, "lost")
	awaitBegun(t, gate)
	_, behind := mustAppend(t, l, "behind")
	answers := make(chan error, 3)
	l.OnDurable(lost, func(err error) { answers <- err })
	l.OnDurable(behind, func(err error) { answers <- err })
	var failure error = syscall.EIO
	gate.fail.Store(&failure)
	gate.open()
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for range 3 {
		check("Wait for the failed batch", wait(waitContext(t), l, lost))
		check("Wait for the batch behind it", wait(waitContext(t), l, behind))
		_, _, err := l.Append(func(dst []byte, _ int64) []byte { return dst })
		check("Append", err)
	}
	check("OnDurable of the failed batch", <-answers)
	check("OnDurable of the batch behind it", <-answers)
	l.OnDurable(behind, func(err error) { answers <- err })
	check("OnDurable after the failure", <-answers)
	if err := wait(waitContext(t), l, durable); err != nil {
		t.Errorf("what was durable before: %v", err)
	}
	if got, err := l.Read(offset); err != nil || string(got) != "lost" {
		t.Errorf("Read: %q, %v", got, err)
	}
	check("Close", l.Close())
	if n := gate.fileOps.Load(); n != 1 {
		t.Errorf("%d writes and syncs after the failed one, want none", n-1)
	}
}

// faultyOpen fails what fails says, by the number of the OpenFile call.
func faultyOpen(fails func(call int, flag int) error) func(string, int, fs.FileMode) (File, error) {
	call := 0
	return func(name string, flag int, perm fs.FileMode) (File, error) {
		call++
		if err := fails(call, flag); err != nil {
			return nil, err
		}
		return os.OpenFile(name, flag, perm)
	}
}

func TestFailedSegmentCreationIsSticky(t *testing.T) {
	for name, directory := range map[string]bool{"file": false, "directory": true} {
		t.Run(name, func(t *testing.T) {
			o := Options{SegmentBytes: 20, OpenFile: faultyOpen(func(call, flag int) error {
				if call > 2 && directory == (flag == os.O_RDONLY) {
					return syscall.EIO
				}
				return nil
			})}
			l := newLog(t, o)
			mustAppend(t, l, "fills a segment")
			_, end, err := l.Append(func(dst []byte, _ int64) []byte { return append(dst, "needs the next"...) })
			if err == nil {
				err = wait(waitContext(t), l, end)
			}
			if !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.EIO) {
				t.Errorf("got %v", err)
			}
			select {
			case <-l.Failed():
			case <-waitContext(t).Done():
				t.Error("the log does not say that it has failed")
			}
			if err := l.Failure(); !errors.Is(err, syscall.EIO) {
				t.Errorf("failure: %v", err)
			}
		})
	}
}

// narrowDisk has room for some bytes, and counts what was refused.
type narrowDisk struct {
	mu      sync.Mutex
	room    int
	refused int
}

func (d *narrowDisk) set(room int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = room
}

func (d *narrowDisk) take(n int) (taken int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken = min(n, d.room)
	if d.room -= taken; taken < n {
		d.refused++
	}
	return taken
}

func (d *narrowDisk) refusals() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused
}

func (d *narrowDisk) openFile(name string, flag int, perm fs.FileMode) (File, error) {
	if flag&os.O_CREATE != 0 && d.take(1) == 0 {
		return nil, syscall.ENOSPC
	}
	f, err := os.OpenFile(name, flag, perm)
	return &narrowFile{f, d}, err
}

type narrowFile struct {
	*os.File
	disk *narrowDisk
}

func (f *narrowFile) WriteAt(p []byte, offset int64) (int, error) {
	taken := f.disk.take(len(p))
	n, err := f.File.WriteAt(p[:taken], offset)
	if err == nil && taken < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

// One write for which there was no room stopped the log until the process was
// started again. Now whoever comes meanwhile is refused, and what had been
// taken before is written once there is room, in the middle of a record or in a
// new segment.
func TestLogGoesOnWhenThereIsRoomAgain(t *testing.T) {
	for name, room := range map[string]int{"nothing fits": 0, "part of a record fits": 13, "no new segment": 60} {
		t.Run(name, func(t *testing.T) {
			disk := &narrowDisk{room: 1}
			o := Options{Dir: t.TempDir(), SegmentBytes: 60, OpenFile: disk.openFile}
			l := newLog(t, o)
			disk.set(room)
			// Whatever is taken must be there in the end, and what is refused must not.
			var want []record
			end := int64(0)
			try := func(payload string) error {
				offset, behind, err := l.Append(func(dst []byte, _ int64) []byte { return append(dst, payload...) })
				switch {
				case err == nil:
					want, end = append(want, record{offset, payload}), behind
				case !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC):
					t.Fatalf("append on a full disk: %v, want ErrFull", err)
				}
				return err
			}
			for i := range 3 {
				_ = try(fmt.Sprintf("taken before, number %d", i))
			}
			for limit := time.Now().Add(deadline); try("refused") == nil; time.Sleep(time.Millisecond) {
				if time.Now().After(limit) {
					t.Fatal("the full disk is not noticed")
				}
			}
			if durableEnd(l) == end {
				t.Error("what did not fit is called durable")
			}
			disk.set(1 << 20)
			mustWait(t, l, end)
			offset, last := mustAppend(t, l, "behind")
			mustWait(t, l, last)
			want = append(want, record{offset, "behind"})
			mustClose(t, l)
			if _, replayed := reopen(t, Options{Dir: o.Dir}); fmt.Sprint(replayed) != fmt.Sprint(want) {
				t.Errorf("replayed %v, want %v", replayed, want)
			}
		})
	}
}

// A log that is closed while the disk is full must not wait for room for ever,
// and must not call durable what is not.
func TestCloseOfAFullLogFails(t *testing.T) {
	disk := &narrowDisk{room: 1}
	l := newLog(t, Options{OpenFile: disk.openFile})
	_, end := mustAppend(t, l, "does not fit")
	for disk.refusals() == 0 {
		runtime.Gosched()
	}
	if err := l.Close(); !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close: %v", err)
	}
	if err := wait(waitContext(t), l, end); !errors.Is(err, ErrFailed) {
		t.Errorf("Wait: %v", err)
	}
}

// No room at an fsync is no other failure than any at an fsync.
func TestFullDiskAtASyncIsFatal(t *testing.T) {
	gate := newGate()
	var full error = syscall.ENOSPC
	gate.fail.Store(&full)
	gate.open()
	l := newLog(t, Options{OpenFile: gate.openFile})
	_, end := mustAppend(t, l, "x")
	if err := wait(waitContext(t), l, end); !errors.Is(err, ErrFailed) || errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
}

func TestOpenReportsFileErrors(t *testing.T) {
	dir := t.TempDir()
	for call := 1; call <= 2; call++ {
		o := Options{Dir: dir, OpenFile: faultyOpen(func(n, _ int) error {
			if n == call {
				return syscall.EMFILE
			}
			return nil
		})}
		if _, err := Open(o, nil); !errors.Is(err, syscall.EMFILE) {
			t.Errorf("call %d: %v", call, err)
		}
	}
	l, _ := reopen(t, Options{Dir: dir})
	mustClose(t, l)
}

// A killed process leaves records in the page cache that nobody synced. Once
// Open has replayed them they are acted upon, so they must be on the disk.
func TestOpenSyncsWhatItReplays(t *testing.T) {
	o := Options{Dir: t.TempDir(), NoSync: true}
	writeLog(t, o, 3, 100)
	o.NoSync = false
	l, replayed := reopen(t, o)
	if len(replayed) != 3 || l.Syncs() != 2 {
		t.Errorf("%d records after %d syncs, want one of the segment and one of the directory", len(replayed), l.Syncs())
	}
}

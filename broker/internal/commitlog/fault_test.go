package commitlog

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"
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
		check("Wait for the failed batch", l.Wait(waitContext(t), lost))
		check("Wait for the batch behind it", l.Wait(waitContext(t), behind))
		_, _, err := l.Append(func(dst []byte, _ int64) []byte { return dst })
		check("Append", err)
	}
	check("OnDurable of the failed batch", <-answers)
	check("OnDurable of the batch behind it", <-answers)
	l.OnDurable(behind, func(err error) { answers <- err })
	check("OnDurable after the failure", <-answers)
	if err := l.Wait(waitContext(t), durable); err != nil {
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
					return syscall.ENOSPC
				}
				return nil
			})}
			l := newLog(t, o)
			mustAppend(t, l, "fills a segment")
			_, end, err := l.Append(func(dst []byte, _ int64) []byte { return append(dst, "needs the next"...) })
			if err == nil {
				err = l.Wait(waitContext(t), end)
			}
			if !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v", err)
			}
		})
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

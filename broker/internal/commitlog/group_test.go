package commitlog

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// Whoever arrives while one sync runs shares the next one: a hundred waiters
// cost two syncs, however fast the disk is.
func TestWaitersShareTheNextSync(t *testing.T) {
	gate := newGate()
	l := newLog(t, Options{OpenFile: gate.openFile})
	before := l.Syncs()
	_, first := mustAppend(t, l, "first")
	awaitBegun(t, gate)

	var waiters sync.WaitGroup
	for i := range 100 {
		_, end := mustAppend(t, l, fmt.Sprint(i))
		waiters.Go(func() { mustWait(t, l, end) })
	}
	if durableEnd(l) != 0 {
		t.Fatalf("durable %d while the sync runs", durableEnd(l))
	}
	gate.permits <- struct{}{}
	mustWait(t, l, first)
	awaitBegun(t, gate)
	if durableEnd(l) != first {
		t.Fatalf("durable %d, want %d: the second batch is not synced", durableEnd(l), first)
	}
	gate.permits <- struct{}{}
	waiters.Wait()
	if got := l.Syncs() - before; got != 2 {
		t.Errorf("%d syncs for 101 waiters, want 2", got)
	}
	gate.open()
}

func TestConcurrentAppendsAreDurableAndInOrder(t *testing.T) {
	o := Options{Dir: t.TempDir(), SegmentBytes: 8 << 10, MaxUnflushedBytes: 4 << 10}
	l := newLog(t, o)
	const writers, each = 16, 200
	var wg sync.WaitGroup
	var order sync.Mutex
	built := map[int64]string{}
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				payload := fmt.Sprintf("writer %d record %d", w, i)
				offset, end, err := l.Append(func(dst []byte, offset int64) []byte {
					order.Lock()
					built[offset] = payload
					order.Unlock()
					return append(dst, payload...)
				})
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := l.Read(offset); err != nil || string(got) != payload {
					t.Errorf("before Wait: %q, %v", got, err)
				}
				mustWait(t, l, end)
				if durableEnd(l) < end {
					t.Errorf("durable %d after waiting for %d", durableEnd(l), end)
				}
				if got, err := l.Read(offset); err != nil || string(got) != payload {
					t.Errorf("after Wait: %q, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	mustClose(t, l)
	_, replayed := reopen(t, o)
	if len(replayed) != writers*each {
		t.Fatalf("replayed %d of %d", len(replayed), writers*each)
	}
	for _, r := range replayed {
		if built[r.offset] != r.payload {
			t.Fatalf("at %d: %q, built %q", r.offset, r.payload, built[r.offset])
		}
	}
}

func TestWhatWasNeverAppendedIsNotFound(t *testing.T) {
	l := newLog(t, Options{}) // whose answers wait for an fsync that has begun
	_, end := mustAppend(t, l, "x")
	if err := wait(waitContext(t), l, end+1); !errors.Is(err, ErrNotFound) {
		t.Errorf("beyond the end: %v", err)
	}
	mustWait(t, l, end)
}

func TestOnDurable(t *testing.T) {
	gate := newGate()
	l := newLog(t, Options{OpenFile: gate.openFile})
	_, first := mustAppend(t, l, "first")
	awaitBegun(t, gate)
	_, second := mustAppend(t, l, "second")
	answers := make(chan string, 10)
	answer := func(name string) func(error) {
		return func(err error) { answers <- fmt.Sprint(name, " ", err, " ", durableEnd(l)) }
	}
	l.OnDurable(second, answer("second"))
	l.OnDurable(first, answer("first"))
	l.OnDurable(0, answer("nothing"))
	select {
	case early := <-answers:
		t.Fatalf("answered during the sync: %s", early)
	default:
	}
	gate.open()
	got := []string{<-answers, <-answers, <-answers}
	slices.Sort(got)
	if got[0] != fmt.Sprint("first <nil> ", first) || got[2] != fmt.Sprint("second <nil> ", second) {
		t.Errorf("answers %q", got)
	}
}

func TestAppendBlocksWhenTooMuchIsNotDurable(t *testing.T) {
	for _, end := range []string{"sync", "close"} {
		t.Run(end, func(t *testing.T) {
			gate := newGate()
			l := newLog(t, Options{OpenFile: gate.openFile, MaxUnflushedBytes: 100})
			for l.End() < 100 {
				mustAppend(t, l, "0123456789")
			}
			full := l.End()
			var closed, returned atomic.Bool
			done := make(chan error)
			go func() {
				_, _, err := l.Append(func(dst []byte, _ int64) []byte { return append(dst, 'x') })
				returned.Store(true)
				done <- err
			}()
			awaitBegun(t, gate)
			if returned.Load() || l.End() != full {
				t.Fatal("Append did not wait for space")
			}
			if end == "close" {
				go func() { _ = l.Close(); closed.Store(true) }()
				if err := <-done; !errors.Is(err, ErrClosed) {
					t.Errorf("Append during Close: %v", err)
				}
				if closed.Load() {
					t.Error("Close did not wait for the sync")
				}
				gate.open()
				return
			}
			gate.open()
			if err := <-done; err != nil {
				t.Errorf("Append after the sync: %v", err)
			}
		})
	}
}

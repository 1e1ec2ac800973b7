package batch_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/common/batch"
)

type call = batch.Call[int, int]

func newGroup(t *testing.T, opts batch.Options, handle func(context.Context, []*call)) *batch.Group[int, int] {
	t.Helper()
	g := batch.Start(t.Context(), opts, handle)
	t.Cleanup(g.Close)
	return g
}

func double(_ context.Context, calls []*call) {
	for _, c := range calls {
		c.Answer(2*c.In, nil)
	}
}

// What arrives while a list is in flight must share the next one: the first list is held until 100 calls wait.
func TestCallsThatWaitShareOneList(t *testing.T) {
	const waiting = 100
	release, started := make(chan struct{}), make(chan struct{})
	var sizes []int // written by the only worker, read after Close
	g := batch.Start(t.Context(), batch.Options{Max: 1000, Workers: 1, Queue: 1000, Wait: time.Minute, Timeout: time.Minute},
		func(ctx context.Context, calls []*call) {
			sizes = append(sizes, len(calls))
			if len(sizes) == 1 {
				close(started)
				<-release
			}
			double(ctx, calls)
		})
	var callers sync.WaitGroup
	do := func(n int) {
		if got, err := g.Do(t.Context(), n); err != nil || got != 2*n {
			t.Errorf("Do(%d) = %d, %v", n, got, err)
		}
	}
	callers.Go(func() { do(0) })
	<-started
	for n := range waiting {
		callers.Go(func() { do(n) })
	}
	for deadline := time.Now().Add(10 * time.Second); g.Waiting() < waiting && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	close(release)
	callers.Wait()
	g.Close()
	if len(sizes) != 2 || sizes[0] != 1 || sizes[1] != waiting {
		t.Errorf("lists of %v calls, want [1 %d]", sizes, waiting)
	}
}

// While one list is in flight, another one joins it only once it is full.
func TestSecondListWaitsUntilItIsFull(t *testing.T) {
	release, started := make(chan struct{}), make(chan int, 8)
	g := newGroup(t, batch.Options{Max: 4, Workers: 2, Queue: 100, Wait: time.Minute, Timeout: time.Minute},
		func(ctx context.Context, calls []*call) {
			started <- len(calls)
			<-release
			double(ctx, calls)
		})
	var callers sync.WaitGroup
	do := func() { callers.Go(func() { _, _ = g.Do(t.Context(), 1) }) }
	do()
	if n := <-started; n != 1 {
		t.Errorf("the first list has %d calls, want 1", n)
	}
	for range 3 {
		do()
	}
	for deadline := time.Now().Add(10 * time.Second); g.Waiting() < 3 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	select {
	case n := <-started:
		t.Errorf("a list of %d joined the one in flight, want it to wait for 4", n)
	default:
	}
	do()
	if n := <-started; n != 4 {
		t.Errorf("the second list has %d calls, want 4", n)
	}
	for range 8 {
		do()
	}
	for deadline := time.Now().Add(10 * time.Second); g.Waiting() < 8 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	select {
	case <-started:
		t.Error("a third list is in flight with two workers")
	default:
	}
	close(release)
	callers.Wait()
}

func TestFullQueueRefuses(t *testing.T) {
	release, started := make(chan struct{}), make(chan struct{}, 8)
	g := newGroup(t, batch.Options{Max: 1, Workers: 1, Queue: 1, Wait: time.Minute, Timeout: time.Minute},
		func(ctx context.Context, calls []*call) {
			started <- struct{}{}
			<-release
			double(ctx, calls)
		})
	var callers sync.WaitGroup
	callers.Go(func() { _, _ = g.Do(t.Context(), 1) })
	<-started
	callers.Go(func() { _, _ = g.Do(t.Context(), 2) })
	for deadline := time.Now().Add(10 * time.Second); g.Waiting() < 1 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if _, err := g.Do(t.Context(), 3); !errors.Is(err, batch.ErrFull) {
		t.Errorf("Do on a full queue: %v, want ErrFull", err)
	}
	close(release)
	callers.Wait()
}

func TestCloseDrainsAndThenRefuses(t *testing.T) {
	g := newGroup(t, batch.Options{Max: 10, Workers: 2, Queue: 100, Wait: time.Minute, Timeout: time.Minute}, double)
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if got, err := g.Do(t.Context(), 1); !errors.Is(err, batch.ErrClosed) && (err != nil || got != 2) {
				t.Errorf("Do = %d, %v, want 2 or ErrClosed", got, err)
			}
		})
	}
	g.Close()
	callers.Wait()
	g.Close()
	if _, err := g.Do(t.Context(), 1); !errors.Is(err, batch.ErrClosed) {
		t.Errorf("Do after Close: %v, want ErrClosed", err)
	}
}

func TestForgottenCallGetsAnError(t *testing.T) {
	g := newGroup(t, batch.Options{Max: 1, Workers: 1, Queue: 1, Wait: time.Minute, Timeout: time.Minute}, func(context.Context, []*call) {})
	if _, err := g.Do(t.Context(), 1); !errors.Is(err, batch.ErrUnanswered) {
		t.Errorf("Do: %v, want ErrUnanswered", err)
	}
}

// A buyer who hung up must not take a ticket from one who still waits.
func TestCallerWhoLeftIsPassedOver(t *testing.T) {
	release, started := make(chan struct{}), make(chan struct{}, 8)
	var handled []int
	g := batch.Start(t.Context(), batch.Options{Max: 10, Workers: 1, Queue: 10, Wait: time.Minute, Timeout: time.Minute},
		func(ctx context.Context, calls []*call) {
			for _, c := range calls {
				handled = append(handled, c.In)
			}
			started <- struct{}{}
			<-release
			double(ctx, calls)
		})
	var callers sync.WaitGroup
	callers.Go(func() { _, _ = g.Do(t.Context(), 1) })
	<-started
	gone, leave := context.WithCancel(t.Context())
	callers.Go(func() {
		if _, err := g.Do(gone, 2); !errors.Is(err, context.Canceled) {
			t.Errorf("Do: %v, want Canceled", err)
		}
	})
	for deadline := time.Now().Add(10 * time.Second); g.Waiting() < 1 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	leave()
	close(release)
	callers.Wait()
	g.Close()
	if len(handled) != 1 {
		t.Errorf("handled %v, want [1]", handled)
	}
}

// Thousands were before it and each list took seconds: a call was handled long after its caller's own time was over.
func TestCallThatWaitedTooLongIsRefused(t *testing.T) {
	started, release := make(chan int, 2), make(chan struct{})
	const wait = 500 * time.Millisecond
	g := newGroup(t, batch.Options{Max: 1, Workers: 1, Queue: 2, Wait: wait, Timeout: time.Minute},
		func(_ context.Context, calls []*call) {
			started <- calls[0].In
			<-release
			calls[0].Answer(1, nil)
		})
	var callers sync.WaitGroup
	callers.Go(func() {
		if _, err := g.Do(t.Context(), 1); err != nil {
			t.Errorf("the first call: %v", err)
		}
	})
	<-started
	callers.Go(func() {
		if _, err := g.Do(t.Context(), 2); !errors.Is(err, batch.ErrFull) {
			t.Errorf("the call that waited: %v, want ErrFull", err)
		}
	})
	for deadline := time.Now().Add(time.Minute); g.Waiting() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(2 * wait)
	close(release)
	callers.Wait()
	if len(started) > 0 {
		t.Error("the call that waited was handled")
	}
}

// A panic ends neither the process nor the group: the callers of its list are told that nobody knows, and the next list is
// handled.
func TestPanicIsTheErrorOfItsList(t *testing.T) {
	var log bytes.Buffer
	g := newGroup(t, batch.Options{
		Max: 10, Workers: 1, Queue: 10, Wait: time.Minute, Timeout: time.Minute, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}, func(ctx context.Context, calls []*call) {
		if calls[0].In == 13 {
			panic("thirteen")
		}
		double(ctx, calls)
	})
	if _, err := g.Do(t.Context(), 13); !errors.Is(err, batch.ErrUnanswered) {
		t.Errorf("the call that panics: %v, want %v", err, batch.ErrUnanswered)
	}
	if got, err := g.Do(t.Context(), 2); err != nil || got != 4 {
		t.Errorf("the call behind it: %d, %v", got, err)
	}
	logged := log.String()
	if strings.Count(logged, "level=ERROR") != 1 || !strings.Contains(logged, "thirteen") || !strings.Contains(logged, "batch_test.go") {
		t.Errorf("want one error with its cause and stack, logged:\n%s", logged)
	}
}

package mq_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/common/mq"
)

// noCheck is the CheckFunc of tests in which nothing should be checked back. A real broker may do so all the same: it
// keeps the end of a transaction in memory for a while, and a busy one asks before it has looked.
func noCheck(t *testing.T) mq.CheckFunc {
	return func(_ context.Context, half mq.Half) mq.Outcome {
		if os.Getenv("BOXOFFICE_TEST_NAMESRV") == "" {
			t.Errorf("check-back of %q", half.TxID)
		}
		return mq.Unknown
	}
}

func newTransactor(t *testing.T, bus *mq.Bus, group string, check mq.CheckFunc) *mq.Transactor {
	t.Helper()
	transactor, err := bus.NewTransactor(t.Context(), group, check)
	if err != nil {
		t.Fatal(err)
	}
	return transactor
}

func answer(o mq.Outcome) func(context.Context) mq.Outcome {
	return func(context.Context) mq.Outcome { return o }
}

func TestSendHalfReturnsWhatLocalReturned(t *testing.T) {
	bus := newHome(t).open(t)
	topic := newTopic(t, bus)
	transactor := newTransactor(t, bus, unique(t), func(context.Context, mq.Half) mq.Outcome { return mq.Rollback })
	for _, want := range []mq.Outcome{mq.Commit, mq.Rollback, mq.Unknown} {
		runs := 0
		got, err := mq.SendHalf(t.Context(), transactor, topic, unique(t), order{"1"}, func(context.Context) mq.Outcome {
			runs++
			return want
		})
		if got != want || err != nil || runs != 1 {
			t.Errorf("outcome %d after %d runs: %v, want %d after one", got, runs, err, want)
		}
	}
	if got := bus.Stats(); got.HalvesSent != 3 || got.HalvesFailed != 0 {
		t.Errorf("stats are %+v", got)
	}
}

func TestNewTransactorNeedsTheWarmUpTopic(t *testing.T) {
	bus := newHome(t).openWithPrefix(t, "fresh-"+strings.ToLower(rand.Text()[:8]))
	if _, err := bus.NewTransactor(t.Context(), unique(t), noCheck(t)); !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("before Provision: %v, want ErrUnavailable", err)
	}
}

// The broker is busy just when the process starts: the producer must still become known to it.
func TestNewTransactorOutlivesABusyBroker(t *testing.T) {
	h := newFaultyHome(t)
	bus := h.open(t)
	newTopic(t, bus) // provisions the warm-up topic too
	var tries atomic.Int32
	h.queue.Intercept(broker.SendMessage, func(*broker.Request) broker.Verdict {
		if tries.Add(1) < 3 {
			return broker.Fail(broker.SystemBusy, "broker busy")
		}
		return broker.Pass
	})
	newTransactor(t, bus, unique(t), noCheck(t))
	if tries.Load() != 3 {
		t.Errorf("ready after %d tries, want 3", tries.Load())
	}
}

func TestNewTransactorGivesUp(t *testing.T) {
	h := newFaultyHome(t)
	bus := h.open(t)
	newTopic(t, bus)
	h.queue.Intercept(broker.SendMessage, func(*broker.Request) broker.Verdict { return broker.Fail(broker.SystemBusy, "broker busy") })
	if _, err := bus.NewTransactor(t.Context(), unique(t), noCheck(t)); !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("new transactor: %v, want ErrUnavailable", err)
	}
}

// The client rolls a half back that is not on disk or on a replica, and reports no error.
func TestSendHalfIsNotSentBeforeTheDisk(t *testing.T) {
	h := newFaultyHome(t)
	bus := h.open(t)
	topic, transactor := newTopic(t, bus), newTransactor(t, bus, unique(t), noCheck(t))
	var tries atomic.Int32
	h.queue.Intercept(broker.SendMessage, onTopic(topic, &tries, func(int32) broker.Verdict {
		return broker.Fail(broker.FlushDiskTimeout, "flush timeout")
	}))
	_, err := mq.SendHalf(t.Context(), transactor, topic, unique(t), order{"1"}, func(context.Context) mq.Outcome {
		t.Error("local ran")
		return mq.Commit
	})
	if !errors.Is(err, mq.ErrNotSent) || tries.Load() != 1 {
		t.Errorf("after %d tries: %v, want one and ErrNotSent", tries.Load(), err)
	}
}

// A second try would be a second half message under the same id, and the check-back of one that was not meant commits it.
func TestSendHalfIsTriedOnce(t *testing.T) {
	h := newFaultyHome(t)
	bus := h.open(t)
	topic, transactor := newTopic(t, bus), newTransactor(t, bus, unique(t), noCheck(t))
	var tries atomic.Int32
	h.queue.Intercept(broker.SendMessage, onTopic(topic, &tries, func(int32) broker.Verdict {
		return broker.Fail(broker.ServiceNotAvailable, "service not available")
	}))
	_, err := mq.SendHalf(t.Context(), transactor, topic, unique(t), order{"1"}, answer(mq.Commit))
	if !errors.Is(err, mq.ErrNotSent) || !errors.Is(err, mq.ErrUnavailable) || tries.Load() != 1 {
		t.Errorf("after %d tries: %v, want one", tries.Load(), err)
	}
}

func TestSendHalfWaitsForALocalThatRuns(t *testing.T) {
	bus := newHome(t).open(t)
	topic, transactor := newTopic(t, bus), newTransactor(t, bus, unique(t), noCheck(t))
	ctx, cancel := context.WithCancel(t.Context())
	outcome, err := mq.SendHalf(ctx, transactor, topic, unique(t), order{"1"}, func(ctx context.Context) mq.Outcome {
		cancel()
		if ctx.Err() != nil {
			t.Error("local lost its context half-way")
		}
		return mq.Commit
	})
	if outcome != mq.Commit || err != nil {
		t.Errorf("outcome %d: %v, want Commit", outcome, err)
	}
}

func TestSendHalfRefusesAnIDInFlight(t *testing.T) {
	bus := newHome(t).open(t)
	topic, transactor := newTopic(t, bus), newTransactor(t, bus, unique(t), noCheck(t))
	txID := unique(t)
	outcome, err := mq.SendHalf(t.Context(), transactor, topic, txID, order{"1"}, func(ctx context.Context) mq.Outcome {
		_, err := mq.SendHalf(ctx, transactor, topic, txID, order{"2"}, answer(mq.Commit))
		if !errors.Is(err, mq.ErrNotSent) {
			t.Errorf("second half of the id: %v", err)
		}
		return mq.Commit
	})
	if outcome != mq.Commit || err != nil {
		t.Errorf("outcome %d: %v", outcome, err)
	}
	if _, err := mq.SendHalf(t.Context(), transactor, topic, "", order{"3"}, answer(mq.Commit)); !errors.Is(err, mq.ErrNotSent) {
		t.Errorf("half without an id: %v", err)
	}
}

func TestTransactorCloseWaitsForLocal(t *testing.T) {
	bus := newHome(t).open(t)
	topic, transactor := newTopic(t, bus), newTransactor(t, bus, unique(t), noCheck(t))
	running, release, sent := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var finished atomic.Bool
	go func() {
		_, err := mq.SendHalf(t.Context(), transactor, topic, unique(t), order{"1"}, func(context.Context) mq.Outcome {
			close(running)
			<-release
			finished.Store(true)
			return mq.Commit
		})
		sent <- err
	}()
	<-running
	closed := make(chan error, 1)
	go func() { closed <- transactor.Close(t.Context()) }()
	select {
	case err := <-closed:
		t.Fatalf("closed under a local transaction: %v", err)
	case <-time.After(20 * time.Millisecond): // long enough to see a Close that does not wait
	}
	close(release)
	if err := <-closed; err != nil || !finished.Load() {
		t.Errorf("close: %v, finished %t", err, finished.Load())
	}
	if err := <-sent; err != nil {
		t.Errorf("send half: %v", err)
	}
	if _, err := mq.SendHalf(t.Context(), transactor, topic, unique(t), order{"2"}, answer(mq.Commit)); !errors.Is(err, mq.ErrNotSent) {
		t.Errorf("send half after close: %v", err)
	}
}

//go:build !race

// The client writes its "close" flag in Shutdown and reads it, with no lock, in the goroutine that answers check-backs:
// the race detector reports that at the end of any test in which a check-back was answered.

package mq_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"boxoffice/broker"
	"boxoffice/common/mq"
)

func TestCheckBackTellsTheHalf(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus := h.open(t)
	topic, txID := newTopic(t, bus), unique(t)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	halves, spans := make(chan mq.Half, 100), make(chan trace.SpanContext, 100)
	transactor := newTransactor(t, bus, unique(t), func(ctx context.Context, half mq.Half) mq.Outcome {
		halves <- half
		spans <- trace.SpanContextFromContext(ctx)
		return mq.Commit
	})
	// The panic of a local transaction leaves the half open.
	outcome, err := mq.SendHalf(trace.ContextWithSpanContext(t.Context(), span), transactor, topic, txID, order{"1"},
		func(ctx context.Context) mq.Outcome {
			if got := trace.SpanContextFromContext(ctx); !got.Equal(span) {
				t.Errorf("local runs in span %+v", got)
			}
			panic("local transaction")
		})
	if outcome != mq.Unknown || err != nil {
		t.Fatalf("outcome %d: %v", outcome, err)
	}
	half := receive(t, h, "check-back", halves)
	if half.Topic != string(topic) || half.TxID != txID || string(half.Body) != `{"id":"1"}` || half.Checks < 1 {
		t.Errorf("checked back %+v", half)
	}
	if age := time.Since(half.Born); age < 0 || age > 2*patience {
		t.Errorf("half was born %v ago", age)
	}
	if got := receive(t, h, "span", spans); got.TraceID() != span.TraceID() || !got.IsRemote() {
		t.Errorf("check runs in span %+v", got)
	}
	h.eventually(t, "count", func() bool { return bus.Stats().ChecksCommitted > 0 })
}

// A panic in the client's only check-back goroutine ends all later check-backs of the process.
func TestCheckBacksGoOnAfterAPanic(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus := h.open(t)
	topic := newTopic(t, bus)
	var checks atomic.Int32
	transactor := newTransactor(t, bus, unique(t), func(context.Context, mq.Half) mq.Outcome {
		if checks.Add(1) == 1 {
			panic("check")
		}
		return mq.Rollback
	})
	if _, err := mq.SendHalf(t.Context(), transactor, topic, unique(t), order{"1"}, answer(mq.Unknown)); err != nil {
		t.Fatal(err)
	}
	h.eventually(t, "second check-back", func() bool { return bus.Stats().ChecksRolledBack > 0 })
	if got := bus.Stats().ChecksUnknown; got < 1 {
		t.Errorf("%d check-backs were left unknown, want that with the panic", got)
	}
}

// A check that hangs, without a look at its context, must not take the others with it.
func TestCheckBacksGoOnWhenOneHangs(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus := h.open(t)
	topic := newTopic(t, bus)
	release := make(chan struct{})
	var checks atomic.Int32
	transactor := newTransactor(t, bus, unique(t), func(context.Context, mq.Half) mq.Outcome {
		if checks.Add(1) == 1 {
			<-release
		}
		return mq.Rollback
	})
	defer close(release)
	if _, err := mq.SendHalf(t.Context(), transactor, topic, unique(t), order{"1"}, answer(mq.Unknown)); err != nil {
		t.Fatal(err)
	}
	h.eventually(t, "second check-back", func() bool { return bus.Stats().ChecksRolledBack > 0 })
}

// A process that restarts must be asked about the halves of the one that died, though it has not sent anything itself:
// the client makes itself known to brokers only with its first send.
func TestCheckBackReachesAnotherProcessThatIsIdle(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	first := h.open(t)
	topic, group, txID := newTopic(t, first), unique(t), unique(t)
	transactor := newTransactor(t, first, group, func(context.Context, mq.Half) mq.Outcome { return mq.Unknown })
	if _, err := mq.SendHalf(t.Context(), transactor, topic, txID, order{"1"}, answer(mq.Unknown)); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	halves := make(chan mq.Half, 100)
	newTransactor(t, h.open(t), group, func(_ context.Context, half mq.Half) mq.Outcome {
		halves <- half
		return mq.Rollback
	})
	if half := receive(t, h, "check-back", halves); half.TxID != txID {
		t.Errorf("checked back %q, want %q", half.TxID, txID)
	}
}

// Every transactor gets its own check-backs, though they share a process: with a shared client instance only the first
// group is asked.
func TestCheckBacksReachEveryGroup(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus := h.open(t)
	topic := newTopic(t, bus)
	var asked [2]chan string
	for i := range asked {
		asked[i] = make(chan string, 100)
		transactor := newTransactor(t, bus, unique(t), func(_ context.Context, half mq.Half) mq.Outcome {
			asked[i] <- half.TxID
			return mq.Rollback
		})
		if _, err := mq.SendHalf(t.Context(), transactor, topic, string(rune('a'+i)), order{"1"}, answer(mq.Unknown)); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{"a", "b"} {
		if got := receive(t, h, "check-back", asked[i]); got != want {
			t.Errorf("group %d was asked about %q, want %q", i, got, want)
		}
	}
}

func TestLostCommitIsMadeUpForByACheckBack(t *testing.T) {
	t.Parallel()
	h := newFaultyHome(t)
	bus := h.open(t)
	topic, txID := newTopic(t, bus), unique(t)
	h.queue.Intercept(broker.EndTransaction, func(r *broker.Request) broker.Verdict {
		if r.Ext["fromTransactionCheck"] == "true" {
			return broker.Pass
		}
		return broker.Drop
	})
	transactor := newTransactor(t, bus, unique(t), func(_ context.Context, half mq.Half) mq.Outcome {
		if half.TxID != txID {
			t.Errorf("asked about %q", half.TxID)
		}
		return mq.Commit
	})
	if outcome, err := mq.SendHalf(t.Context(), transactor, topic, txID, order{"1"}, answer(mq.Commit)); err != nil || outcome != mq.Commit {
		t.Fatal(outcome, err)
	}
	h.eventually(t, "delivery", func() bool { return stored(t, bus, topic) == 1 })
}

// The half is stored, its sender does not know it: local never runs, and the check-back is asked.
func TestSendHalfWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	h := newFaultyHome(t)
	bus := h.open(t)
	topic, txID := newTopic(t, bus), unique(t)
	halves := make(chan mq.Half, 100)
	transactor := newTransactor(t, bus, unique(t), func(_ context.Context, half mq.Half) mq.Outcome {
		halves <- half
		return mq.Rollback
	})
	var tries atomic.Int32
	h.queue.Intercept(broker.SendMessage, onTopic(topic, &tries, func(int32) broker.Verdict { return broker.DropReply }))
	_, err := mq.SendHalf(t.Context(), transactor, topic, txID, order{"1"}, func(context.Context) mq.Outcome {
		t.Error("local ran")
		return mq.Commit
	})
	if !errors.Is(err, mq.ErrNotSent) || !errors.Is(err, mq.ErrUnavailable) || tries.Load() != 1 {
		t.Errorf("after %d tries: %v", tries.Load(), err)
	}
	if half := receive(t, h, "check-back", halves); half.TxID != txID {
		t.Errorf("checked back %q", half.TxID)
	}
}

// A caller that has gone was told that nothing will happen: when the half is stored after that, local must not run.
func TestSendHalfOfACallerThatHasGone(t *testing.T) {
	t.Parallel()
	h := newFaultyHome(t)
	bus := h.open(t)
	topic := newTopic(t, bus)
	transactor := newTransactor(t, bus, unique(t), func(context.Context, mq.Half) mq.Outcome { return mq.Rollback })
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	var tries atomic.Int32
	var rolledBack atomic.Bool
	h.queue.Intercept(broker.EndTransaction, func(r *broker.Request) broker.Verdict {
		if r.Ext["commitOrRollback"] == "12" && tries.Load() > 0 { // the warm-up message is rolled back before
			rolledBack.Store(true)
		}
		return broker.Pass
	})
	h.queue.Intercept(broker.SendMessage, onTopic(topic, &tries, func(int32) broker.Verdict {
		cancel()
		return broker.Hold(release)
	}))
	_, err := mq.SendHalf(ctx, transactor, topic, unique(t), order{"1"}, func(context.Context) mq.Outcome {
		t.Error("local ran")
		return mq.Commit
	})
	if !errors.Is(err, mq.ErrNotSent) || !errors.Is(err, context.Canceled) {
		t.Errorf("send half: %v", err)
	}
	close(release)
	h.eventually(t, "rollback", func() bool { return bus.Stats().ChecksRolledBack > 0 || rolledBack.Load() })
}

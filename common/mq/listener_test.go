package mq

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

func newListener(t *testing.T, txID string, run func() Outcome) (*listener, *localTransaction, *primitive.Message) {
	t.Helper()
	l := &listener{counters: new(counters), log: slog.New(slog.DiscardHandler)}
	local := newLocalTransaction(run)
	l.inFlight.Store(txID, local)
	m := newMessage(context.Background(), namespace{}, "topic", txID, nil)
	m.WithProperty(propertyTxID, txID)
	return l, local, m
}

// The broker's answer and the end of the caller's context can come together: whoever was told "not sent" must be able
// to rely on it, and the half must go.
func TestAbandonedLocalDoesNotRun(t *testing.T) {
	l, local, m := newListener(t, "tx", func() Outcome {
		t.Error("local ran")
		return Commit
	})
	if !local.abandon() {
		t.Fatal("could not abandon what has not begun")
	}
	if got := l.ExecuteLocalTransaction(m); got != primitive.RollbackMessageState {
		t.Errorf("state is %d, want rollback", got)
	}
}

func TestLocalRunsOnceOrIsAbandoned(t *testing.T) {
	for range 200 {
		var runs atomic.Int32
		l, local, m := newListener(t, "tx", func() Outcome {
			runs.Add(1)
			return Commit
		})
		var both sync.WaitGroup
		for range 2 { // a half that the network has repeated
			both.Go(func() { l.ExecuteLocalTransaction(m) })
		}
		abandoned := local.abandon()
		both.Wait()
		if got := runs.Load(); abandoned && got != 0 || !abandoned && got != 1 {
			t.Fatalf("abandoned is %t and local ran %d times", abandoned, got)
		}
	}
}

// A half that nobody here knows, or one of no caller, is no ground for a commit.
func TestListenerKnowsItsWarmUp(t *testing.T) {
	l, _, _ := newListener(t, "tx", func() Outcome { return Commit })
	warmUp := newMessage(context.Background(), namespace{}, warmUpTopic, warmUpKey, nil)
	if got := l.ExecuteLocalTransaction(warmUp); got != primitive.RollbackMessageState {
		t.Errorf("warm-up ends in state %d, want rollback", got)
	}
	check := &primitive.MessageExt{Message: primitive.Message{Topic: warmUpTopic}}
	if got := l.CheckLocalTransaction(check); got != primitive.RollbackMessageState {
		t.Errorf("checked warm-up ends in state %d, want rollback", got)
	}
	foreign := &primitive.MessageExt{Message: primitive.Message{Topic: "topic"}}
	if got := l.CheckLocalTransaction(foreign); got != primitive.UnknowState {
		t.Errorf("checked half without an id ends in state %d, want unknown", got)
	}
	if got := l.counters.read(); got.ChecksUnknown != 1 || got.ChecksRolledBack != 0 {
		t.Errorf("stats are %+v", got)
	}
}

package mq_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/common/mq"
)

func newSender(t *testing.T, bus *mq.Bus) *mq.Sender {
	t.Helper()
	sender, err := bus.NewSender(t.Context(), unique(t))
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// onTopic makes a hook for the sends to one topic, which counts them.
func onTopic(topic mq.Topic[order], count *atomic.Int32, verdict func(n int32) broker.Verdict) func(*broker.Request) broker.Verdict {
	return func(r *broker.Request) broker.Verdict {
		if r.Topic() != string(topic) {
			return broker.Pass
		}
		return verdict(count.Add(1))
	}
}

func TestSendCounts(t *testing.T) {
	bus := newHome(t).open(t)
	topic, sender := newTopic(t, bus), newSender(t, bus)
	if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); err != nil {
		t.Fatal(err)
	}
	if err := mq.SendDelayed(t.Context(), sender, topic, "", order{"2"}, 18); err != nil {
		t.Fatal(err)
	}
	if err := mq.Send(t.Context(), sender, topic, "two keys", order{"3"}); !errors.Is(err, mq.ErrNotSent) {
		t.Errorf("send with a bad key: %v", err)
	}
	if got := bus.Stats(); got.Sent != 2 || got.SendFailed != 1 {
		t.Errorf("stats are %+v", got)
	}
}

// The client would fall back to the broker's template topic, and make a topic of a misspelt name.
func TestSendToUnprovisionedTopicFails(t *testing.T) {
	bus := newHome(t).open(t)
	sender := newSender(t, bus)
	err := mq.Send(t.Context(), sender, mq.Topic[order](unique(t)), "k", order{"1"})
	if !errors.Is(err, mq.ErrNotSent) || !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("send: %v, want ErrNotSent and ErrUnavailable", err)
	}
}

func TestSendOutlivesABusyBroker(t *testing.T) {
	h := newFaultyHome(t)
	bus := h.open(t)
	topic, sender := newTopic(t, bus), newSender(t, bus)
	var tries atomic.Int32
	h.queue.Intercept(broker.SendMessage, onTopic(topic, &tries, func(n int32) broker.Verdict {
		if n < 3 {
			return broker.Fail(broker.SystemBusy, "broker busy")
		}
		return broker.Pass
	}))
	if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, bus, topic); tries.Load() != 3 || got != 1 {
		t.Errorf("%d tries left %d messages, want 3 and 1", tries.Load(), got)
	}
}

func TestSendDoesNotRepeatWhatIsRefusedForGood(t *testing.T) {
	h := newFaultyHome(t)
	bus := h.open(t)
	topic, sender := newTopic(t, bus), newSender(t, bus)
	var tries atomic.Int32
	h.queue.Intercept(broker.SendMessage, onTopic(topic, &tries, func(int32) broker.Verdict { return broker.Fail(broker.MessageIllegal, "illegal") }))
	err := mq.Send(t.Context(), sender, topic, "k", order{"1"})
	if !errors.Is(err, mq.ErrNotSent) || errors.Is(err, mq.ErrUnavailable) || tries.Load() != 1 {
		t.Errorf("after %d tries: %v", tries.Load(), err)
	}
}

// The client reports a message that is not on disk, or not on a replica, with no error.
func TestSendIsNotDoneBeforeTheDisk(t *testing.T) {
	h := newFaultyHome(t)
	bus := h.open(t)
	topic, sender := newTopic(t, bus), newSender(t, bus)
	var tries atomic.Int32
	h.queue.Intercept(broker.SendMessage, onTopic(topic, &tries, func(int32) broker.Verdict {
		return broker.Fail(broker.FlushDiskTimeout, "flush timeout")
	}))
	if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); !errors.Is(err, mq.ErrNotSent) {
		t.Errorf("send: %v, want ErrNotSent", err)
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	h := newFaultyHome(t)
	bus := h.open(t)
	topic, sender := newTopic(t, bus), newSender(t, bus)
	ctx, cancel := context.WithCancel(t.Context())
	var tries atomic.Int32
	h.queue.Intercept(broker.SendMessage, onTopic(topic, &tries, func(int32) broker.Verdict {
		cancel()
		return broker.Drop
	}))
	done := make(chan error, 1)
	go func() { done <- mq.Send(ctx, sender, topic, "k", order{"1"}) }()
	select {
	case err := <-done:
		if !errors.Is(err, mq.ErrNotSent) || !errors.Is(err, context.Canceled) {
			t.Errorf("send: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("send outlives its context")
	}
}

package mq_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"boxoffice/common/mq"
)

// Whoever stands in for a broker gets the message as a broker would, and decides what its sender is told.
func TestSenderOverHandsMessagesOn(t *testing.T) {
	var got []mq.Outgoing
	var refuse error
	s := mq.SenderOver(func(_ context.Context, m mq.Outgoing) error {
		got = append(got, m)
		return refuse
	})
	defer s.Close()
	topic := mq.Topic[order]("orders")
	if err := mq.SendDelayed(t.Context(), s, topic, "k", order{"1"}, mq.LevelFor(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Topic != "orders" || got[0].Key != "k" || got[0].Delay.Duration() != 10*time.Minute {
		t.Fatalf("handed on %+v", got)
	}
	if payload, err := topic.Decode(got[0].Body); err != nil || payload != (order{"1"}) {
		t.Errorf("the body is %s: %v", got[0].Body, err)
	}
	refuse = mq.ErrUnavailable
	if err := mq.Send(t.Context(), s, topic, "k", order{"2"}); !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("sent with error %v, want %v", err, refuse)
	}
	if err := mq.Send(t.Context(), s, topic, "two words", order{"3"}); !errors.Is(err, mq.ErrNotSent) || len(got) != 2 {
		t.Errorf("a key that no broker takes is sent: %v, %d messages", err, len(got))
	}
	if mq.DelayLevel(0).Duration() != 0 || mq.DelayLevel(99).Duration() != 2*time.Hour {
		t.Error("levels beyond the list are not its ends")
	}
	if !mq.IsPermanent(mq.Permanent(refuse)) || mq.IsPermanent(refuse) {
		t.Error("a permanent error is not told from another")
	}
}

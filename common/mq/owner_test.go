//go:build !race

package mq_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"boxoffice/common/mq"
)

func (h home) openAs(t *testing.T, owner, prefix string) *mq.Bus {
	t.Helper()
	bus, err := mq.Open(t.Context(), mq.Config{
		NameServers: h.servers, Process: "test", Prefix: prefix, Owner: owner, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	return bus
}

// Two offices on one cluster, neither with a prefix, shared their consumer groups: each got half of the other's messages.
func TestNamesHaveOneOwner(t *testing.T) {
	t.Parallel()
	h, prefix := newHome(t), unique(t)[:8]
	for range 2 {
		if err := h.openAs(t, "east", prefix).Claim(t.Context()); err != nil {
			t.Fatalf("the owner: %v", err)
		}
	}
	if err := h.openAs(t, "dawn", prefix).Claim(t.Context()); !errors.Is(err, mq.ErrForeign) || !strings.Contains(err.Error(), "east") {
		t.Errorf("another: %v, want a refusal that names the owner's mark", err)
	}
	if err := h.openAs(t, "dawn", prefix+"2").Claim(t.Context()); err != nil {
		t.Errorf("another with a prefix of its own: %v", err)
	}
}

// Of two that come at the same moment each may find nobody, and leave its mark.
func TestOneOfTwoOwnersWins(t *testing.T) {
	t.Parallel()
	h, prefix := newHome(t), unique(t)[:8]
	mark := []mq.TopicSpec{{Name: "boxoffice-owner-east", Queues: 1}, {Name: "boxoffice-owner-west", Queues: 1}}
	if err := h.openAs(t, "", prefix).Provision(t.Context(), mark, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.openAs(t, "east", prefix).Claim(t.Context()); err != nil {
		t.Errorf("the first by name: %v", err)
	}
	for _, owner := range []string{"west", "dawn"} {
		if err := h.openAs(t, owner, prefix).Claim(t.Context()); !errors.Is(err, mq.ErrForeign) {
			t.Errorf("%s: %v, want a refusal", owner, err)
		}
	}
}

// What another office has sent is not handled, and its half messages are not decided: a rollback by somebody who does
// not know the transaction would lose the order.
func TestMessagesOfAnotherOwnerAreRefused(t *testing.T) {
	t.Parallel()
	h, group := newHome(t), unique(t)
	east, west := h.openAs(t, "east", ""), h.openAs(t, "west", "")
	topic := newTopic(t, east, group)
	transactor := newTransactor(t, east, group, func(context.Context, mq.Half) mq.Outcome { return mq.Unknown })
	if _, err := mq.SendHalf(t.Context(), transactor, topic, unique(t), order{"half"}, answer(mq.Unknown)); err != nil {
		t.Fatal(err)
	}
	if err := transactor.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := mq.Send(t.Context(), newSender(t, east), topic, "k", order{"plain"}); err != nil {
		t.Fatal(err)
	}
	newTransactor(t, west, group, func(_ context.Context, half mq.Half) mq.Outcome {
		t.Errorf("west was asked about %s", half.Body)
		return mq.Rollback
	})
	strays, err := west.Consume(t.Context(), options(group), mq.Handle(topic, func(_ context.Context, o order) error {
		t.Errorf("west got %s", o.ID)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	h.eventually(t, "refusal", func() bool { s := west.Stats(); return s.Retried > 0 && s.ChecksUnknown > 0 })
	if err := strays.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	orders := make(chan order, 10)
	newConsumer(t, east, group, into(topic, orders))
	if got := receive(t, h, "the owner's message", orders); got.ID != "plain" {
		t.Errorf("east got %+v", got)
	}
}

//go:build !race

package mq_test

import (
	"context"
	"errors"
	"testing"

	"boxoffice/common/mq"
)

// inspect looks again until the depths are as wanted: consumers confirm what they have handled every five seconds.
func (h home) inspect(t *testing.T, bus *mq.Bus, sub mq.Subscription, what string, wanted func(mq.Depths) bool) {
	t.Helper()
	var last mq.Depths
	defer func() {
		if t.Failed() {
			t.Logf("%s: last %+v", what, last)
		}
	}()
	h.eventually(t, what, func() bool {
		d, err := bus.Inspect(t.Context(), sub)
		if err != nil {
			t.Fatal(err)
		}
		last = d
		return wanted(d)
	})
}

func TestInspectCountsWhatWaits(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	sub := mq.Subscription{Group: group, Topic: string(topic)}
	h.inspect(t, bus, sub, "nothing", func(d mq.Depths) bool {
		return d.Stored[string(topic)] == 0 && d.Lag[sub] == 0 && d.DeadLetters[group] == 0
	})
	for range 3 {
		if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); err != nil {
			t.Fatal(err)
		}
	}
	h.inspect(t, bus, sub, "three messages that nobody has read", func(d mq.Depths) bool {
		return d.Stored[string(topic)] == 3 && d.Lag[sub] == 3
	})
	orders := make(chan order, 100)
	newConsumer(t, bus, group, into(topic, orders))
	h.inspect(t, bus, sub, "three messages that are read", func(d mq.Depths) bool {
		return d.Stored[string(topic)] == 3 && d.Lag[sub] == 0
	})
}

// A group is there from when it was provisioned, whether or not anybody has consumed yet.
func TestHasGroup(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	newTopic(t, bus, group)
	if known, err := bus.HasGroup(t.Context(), group); err != nil || !known {
		t.Errorf("a provisioned group: %v, %v", known, err)
	}
	if known, err := bus.HasGroup(t.Context(), unique(t)); err != nil || known {
		t.Errorf("a group that nobody has heard of: %v, %v", known, err)
	}
}

func TestMembersOfAGroup(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic := newTopic(t, bus, group)
	members := func() []string {
		ids, err := bus.Members(t.Context(), group)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	if got := members(); len(got) != 0 {
		t.Errorf("members %q before anybody consumes", got)
	}
	consumer := newConsumer(t, bus, group, into(topic, make(chan order, 1)))
	h.eventually(t, "one member", func() bool { return len(members()) == 1 })
	if err := consumer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.eventually(t, "no member", func() bool { return len(members()) == 0 })
}

func TestInspectCountsHalvesInDoubt(t *testing.T) {
	h := newLoneHome(t) // others use a real cluster, whose halves are counted together
	bus := h.open(t)
	topic := newTopic(t, bus)
	sub := mq.Subscription{Group: unique(t), Topic: string(topic)}
	transactor := newTransactor(t, bus, unique(t), func(context.Context, mq.Half) mq.Outcome { return mq.Unknown })
	send := func(outcome mq.Outcome) {
		if _, err := mq.SendHalf(t.Context(), transactor, topic, unique(t), order{"1"}, answer(outcome)); err != nil {
			t.Fatal(err)
		}
	}
	for _, outcome := range []mq.Outcome{mq.Unknown, mq.Commit, mq.Rollback, mq.Unknown, mq.Commit} {
		send(outcome)
	}
	h.inspect(t, bus, sub, "two halves in doubt", func(d mq.Depths) bool { return d.HalvesInDoubt == 2 && d.HalvesExhausted == 0 })
}

func TestInspectFailsWhenTheBrokerIsAway(t *testing.T) {
	h := newLoneHome(t)
	bus := h.open(t)
	if err := h.broker.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Inspect(t.Context()); !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("inspect: %v, want ErrUnavailable", err)
	}
}

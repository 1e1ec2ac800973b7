//go:build !race

package mq_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"boxoffice/broker"
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

// A real broker gives a half up after transactionCheckMax rounds, which is set to hours of them; so this is the
// embedded one's alone.
func TestExhaustedHalvesAreReadUntilReviewed(t *testing.T) {
	if newHome(t).broker == nil {
		t.Skip("needs a broker that gives up soon")
	}
	b := broker.RunT(t, broker.WithTransactionCheckMax(1))
	h := home{servers: []string{b.Addr()}, broker: b}
	bus := h.openWithPrefix(t, "east_")
	topic := newTopic(t, bus)
	sub := mq.Subscription{Group: unique(t), Topic: string(topic)}
	transactor := newTransactor(t, bus, unique(t), func(context.Context, mq.Half) mq.Outcome { return mq.Unknown })
	if _, err := mq.SendHalf(t.Context(), transactor, topic, "tx-1", order{"1"}, answer(mq.Unknown)); err != nil {
		t.Fatal(err)
	}
	h.inspect(t, bus, sub, "half given up", func(d mq.Depths) bool { return d.HalvesExhausted == 1 && d.HalvesInDoubt == 0 })
	letters, err := bus.ExhaustedHalves(t.Context(), string(topic), 10)
	if err != nil || len(letters.List) != 1 || letters.List[0].Key != "tx-1" || string(letters.List[0].Body) != `{"id":"1"}` {
		t.Fatalf("exhausted halves %+v, %v", letters, err)
	}
	if others, err := bus.ExhaustedHalves(t.Context(), "another", 10); err != nil || len(others.List) != 0 {
		t.Errorf("exhausted halves of another topic %+v, %v", others, err)
	}
	if err := bus.Reviewed(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
	h.inspect(t, bus, sub, "nothing to review", func(d mq.Depths) bool { return d.HalvesExhausted == 0 })
}

func TestDeadLettersAreReadSentAgainAndReviewed(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.openWithPrefix(t, "west_"), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	sub := mq.Subscription{Group: group, Topic: string(topic)}
	healed := make(chan order, 200)
	broken := make(chan struct{})
	newConsumer(t, bus, group, mq.Handle(topic, func(_ context.Context, o order) error {
		select {
		case <-broken:
			healed <- o
			return nil
		default:
			return mq.Permanent(errors.New("broken"))
		}
	}))
	const n = 70 // more than two pulls
	ids := []string{strings.Repeat("long", 2000)}
	for range n - 1 {
		ids = append(ids, unique(t))
	}
	for _, id := range ids {
		if err := mq.Send(t.Context(), sender, topic, "key", order{id}); err != nil {
			t.Fatal(err)
		}
	}
	h.inspect(t, bus, sub, "dead letters", func(d mq.Depths) bool { return d.DeadLetters[group] == n })
	if few, err := bus.DeadLetters(t.Context(), group, 5); err != nil || len(few.List) != 5 {
		t.Errorf("%d letters, %v, want 5", len(few.List), err)
	}
	letters, err := bus.DeadLetters(t.Context(), group, 1000)
	if err != nil || len(letters.List) != n {
		t.Fatalf("%d letters, %v, want %d", len(letters.List), err, n)
	}
	close(broken)
	for _, l := range letters.List {
		if l.Topic != string(topic) || l.Key != "key" || l.MessageID == "" || l.StoredAt.IsZero() {
			t.Fatalf("letter %+v", l)
		}
		if err := mq.Resend(t.Context(), sender, l); err != nil {
			t.Fatal(err)
		}
	}
	if err := bus.Reviewed(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range n {
		got = append(got, receive(t, h, "letter sent again", healed).ID)
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Errorf("%d messages came back, and not the same", len(got))
	}
	h.inspect(t, bus, sub, "no letters", func(d mq.Depths) bool { return d.DeadLetters[group] == 0 })
	if again, err := bus.DeadLetters(t.Context(), group, 10); err != nil || len(again.List) != 0 {
		t.Errorf("%d letters after the review, %v", len(again.List), err)
	}
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

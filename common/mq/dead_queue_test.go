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
	dead, err := bus.ExhaustedHalves(t.Context(), string(topic), 10)
	if err != nil || len(dead.List) != 1 || dead.List[0].Key != "tx-1" || string(dead.List[0].Body) != `{"id":"1"}` {
		t.Fatalf("exhausted halves %+v, %v", dead, err)
	}
	if others, err := bus.ExhaustedHalves(t.Context(), "another", 10); err != nil || len(others.List) != 0 {
		t.Errorf("exhausted halves of another topic %+v, %v", others, err)
	}
	if err := bus.MarkReviewed(t.Context(), dead); err != nil {
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
		t.Errorf("%d messages, %v, want 5", len(few.List), err)
	}
	dead, err := bus.DeadLetters(t.Context(), group, 1000)
	if err != nil || len(dead.List) != n {
		t.Fatalf("%d messages, %v, want %d", len(dead.List), err, n)
	}
	close(broken)
	for _, l := range dead.List {
		if l.Topic != string(topic) || l.Key != "key" || l.MessageID == "" || l.StoredAt.IsZero() {
			t.Fatalf("dead letter %+v", l)
		}
		if err := mq.Resend(t.Context(), sender, l); err != nil {
			t.Fatal(err)
		}
	}
	if err := bus.MarkReviewed(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range n {
		got = append(got, receive(t, h, "dead letter sent again", healed).ID)
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Errorf("%d messages came back, and not the same", len(got))
	}
	h.inspect(t, bus, sub, "no dead letters", func(d mq.Depths) bool { return d.DeadLetters[group] == 0 })
	if again, err := bus.DeadLetters(t.Context(), group, 10); err != nil || len(again.List) != 0 {
		t.Errorf("%d messages after the review, %v", len(again.List), err)
	}
}

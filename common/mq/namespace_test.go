//go:build !race

package mq_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"boxoffice/common/mq"
)

// Two systems with the same topics and groups share one broker: plain messages, halves, check-backs, retries and dead
// letters all stay in the system that they began in.
func TestPrefixKeepsSystemsApart(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	group, topic := unique(t), mq.Topic[order](unique(t))
	type system struct {
		prefix        string
		arrived, dead chan order
		checked       chan mq.Half
		sender        *mq.Sender
		transactor    *mq.Transactor
		bus           *mq.Bus
		failedOnce    bool
	}
	var systems []*system
	for _, prefix := range []string{"east_", "west_"} {
		s := &system{
			prefix: prefix, arrived: make(chan order, 100), dead: make(chan order, 100), checked: make(chan mq.Half, 100),
			bus: h.openWithPrefix(t, prefix),
		}
		if err := s.bus.Provision(t.Context(), []mq.TopicSpec{{Name: string(topic), Queues: 1}}, []string{group, group + "-dead"}); err != nil {
			t.Fatal(err)
		}
		newConsumer(t, s.bus, group, mq.Handle(topic, func(_ context.Context, o order) error {
			switch {
			case strings.HasPrefix(o.ID, "poison"):
				return mq.Permanent(errors.New("poison"))
			case strings.HasPrefix(o.ID, "retry") && !s.failedOnce:
				s.failedOnce = true
				return errors.New("once more")
			}
			s.arrived <- o
			return nil
		}))
		newConsumer(t, s.bus, group+"-dead", into(mq.Topic[order]("%DLQ%"+group), s.dead))
		s.sender = newSender(t, s.bus)
		s.transactor = newTransactor(t, s.bus, group, func(_ context.Context, half mq.Half) mq.Outcome {
			s.checked <- half
			return mq.Commit
		})
		systems = append(systems, s)
	}
	for _, s := range systems {
		for _, id := range []string{"plain ", "retry ", "poison "} {
			if err := mq.Send(t.Context(), s.sender, topic, "k", order{id + s.prefix}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := mq.SendHalf(t.Context(), s.transactor, topic, unique(t), order{"half " + s.prefix}, answer(mq.Unknown)); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range systems {
		for range 3 {
			if got := receive(t, h, "message of "+s.prefix, s.arrived); !strings.HasSuffix(got.ID, s.prefix) {
				t.Errorf("%s got %q", s.prefix, got.ID)
			}
		}
		if got := receive(t, h, "dead letter of "+s.prefix, s.dead); got.ID != "poison "+s.prefix {
			t.Errorf("%s got dead letter %q", s.prefix, got.ID)
		}
		half := receive(t, h, "check-back of "+s.prefix, s.checked)
		if half.Topic != string(topic) || !strings.Contains(string(half.Body), s.prefix) {
			t.Errorf("%s was asked about %+v", s.prefix, half)
		}
	}
	for _, s := range systems {
		select {
		case got := <-s.arrived:
			t.Errorf("%s got %q too", s.prefix, got.ID)
		case <-time.After(50 * time.Millisecond): // long enough to see one that strayed
		}
	}
}

func TestPrefixIsCheckedBeforeAnythingIsAsked(t *testing.T) {
	for _, prefix := range []string{"%", "a b", "a.b", "gr\u00fcn", strings.Repeat("x", 33)} {
		_, err := mq.Open(t.Context(), mq.Config{NameServers: []string{newAddress(t)}, Process: "test", Prefix: prefix,
			Log: slog.New(slog.DiscardHandler)})
		if err == nil || errors.Is(err, mq.ErrUnavailable) || !strings.Contains(err.Error(), "prefix") {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
}

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

// Of two that both found nobody, one had gone on before the other left its mark; and the other went on as well if its id was
// the lower one. Both had the names until one was started again.
func TestNoTwoOwnersGoOn(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	for name, c := range map[string]struct {
		steps string // b and t are bid and take of east, B and T those of west
		goOn  string
	}{
		"one after the other":                  {"btBT", "t"},
		"the higher id first":                  {"BTbt", "T"},
		"both look before either has its mark": {"bBtT", ""},
		"both, the other way round":            {"BbTt", ""},
		"one is there before the other's mark": {"bBTt", ""},
		"one that has died after its bid":      {"bBT", ""},
	} {
		prefix := "p" + rand.Text()[:9]
		east, west := h.openAs(t, "east", prefix), h.openAs(t, "west", prefix)
		var went string
		for _, step := range c.steps {
			var err error
			switch step {
			case 'b':
				err = mq.Bid(t.Context(), east)
			case 'B':
				err = mq.Bid(t.Context(), west)
			case 't':
				err = mq.Take(t.Context(), east)
			case 'T':
				err = mq.Take(t.Context(), west)
			}
			if err == nil && strings.ContainsRune("tT", step) {
				went += string(step)
			} else if err != nil && !errors.Is(err, mq.ErrForeign) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if went != c.goOn {
			t.Errorf("%s: %q go on, want %q", name, went, c.goOn)
		}
		// Started again, none goes on that did not before.
		for step, bus := range map[string]*mq.Bus{"t": east, "T": west} {
			if err := bus.Claim(t.Context()); (err == nil) != (c.goOn == step) || err != nil && !errors.Is(err, mq.ErrForeign) {
				t.Errorf("%s: %s started again: %v", name, step, err)
			}
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

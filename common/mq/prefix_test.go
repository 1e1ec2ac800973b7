//go:build !race

package mq_test

import (
	"context"
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
		_, err := mq.Open(t.Context(), mq.Config{NameServers: []string{newAddress(t)}, Process: "test", Prefix: prefix, Log: slog.New(slog.DiscardHandler)})
		if err == nil || errors.Is(err, mq.ErrUnavailable) || !strings.Contains(err.Error(), "prefix") {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
}

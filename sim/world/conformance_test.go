//go:build !race

package world

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/common/mq"
)

const (
	checkedTopic mq.Topic[string] = "checked"
	warmUp       string           = "warm-up"
	firstGroup   string           = "first"
	secondGroup  string           = "second"
)

// script is what producers and consumers do with messages, whose bodies say what is to become of them, and what was seen.
type script struct {
	mu   sync.Mutex
	seen map[string]int
	last time.Time
}

func newScript() *script { return &script{seen: map[string]int{}, last: time.Now()} }

// count notes something, and returns how often it has been seen.
func (s *script) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[what]++
	s.last = time.Now()
	return s.seen[what]
}

// halves are the half messages by the outcome of their local transactions; a check-back is answered by what stands behind the
// colon, once so many of them have been left open.
func halves() map[string]mq.Outcome {
	return map[string]mq.Outcome{
		"committed": mq.Commit, "rolled-back": mq.Rollback, "asked:commit:0": mq.Unknown, "asked:commit:3": mq.Unknown,
		"asked:rollback:1": mq.Unknown, "asked:never:0": mq.Unknown,
	}
}

func (s *script) check(txID string) mq.Outcome {
	n := s.count("check " + txID)
	parts := strings.Split(txID, ":")
	if len(parts) < 3 || fmt.Sprint(n-1) < parts[2] {
		return mq.Unknown
	}
	return map[string]mq.Outcome{"commit": mq.Commit, "rollback": mq.Rollback}[parts[1]]
}

// plain are the messages that are no half messages.
func plain() []string { return []string{"good", "fails-twice", "fails-always", "poison"} }

// handle fails in one group, and never in the other.
func (s *script) handle(group, body string) error {
	n := s.count(group + " gets " + body)
	switch {
	case group == secondGroup:
	case body == "fails-twice" && n <= 2, body == "fails-always":
		return errors.New("handler fails")
	case body == "poison":
		return mq.Permanent(errors.New("poison"))
	}
	return nil
}

func (s *script) result() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(s.seen)) {
		if !strings.Contains(what, warmUp) {
			lines = append(lines, fmt.Sprintf("%s: %d", what, s.seen[what]))
		}
	}
	return lines
}

// playEmbedded plays the script with the product's client and the embedded broker, whose times are short.
func (s *script) playEmbedded(t *testing.T) {
	t.Helper()
	soon := 200 * time.Millisecond
	b := broker.RunT(t, broker.WithTransactionTimeout(soon), broker.WithTransactionCheckInterval(soon), broker.WithTransactionCheckMax(checksMax),
		broker.WithDelayLevels(slices.Repeat([]time.Duration{soon}, 18)))
	bus, err := mq.Open(t.Context(), mq.Config{NameServers: []string{b.Addr()}, Process: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
	groups := []string{firstGroup, secondGroup}
	if err := bus.Provision(t.Context(), []mq.TopicSpec{{Name: string(checkedTopic), Queues: 1}}, groups); err != nil {
		t.Fatal(err)
	}
	for _, group := range groups {
		if _, err := bus.Consume(t.Context(), mq.ConsumeOptions{Group: group, Concurrency: 4, Timeout: time.Second},
			mq.Handle(checkedTopic, func(_ context.Context, body string) error { return s.handle(group, body) })); err != nil {
			t.Fatal(err)
		}
	}
	transactor, err := bus.NewTransactor(t.Context(), "sellers", func(_ context.Context, h mq.Half) mq.Outcome { return s.check(h.TxID) })
	if err != nil {
		t.Fatal(err)
	}
	half := func(txID string, outcome mq.Outcome) {
		if _, err := mq.SendHalf(t.Context(), transactor, checkedTopic, txID, txID, func(context.Context) mq.Outcome { return outcome }); err != nil {
			t.Fatal(err)
		}
	}
	half(warmUp, mq.Unknown) // a broker counts check-backs for which it knows no producer yet
	s.await(t, func() bool { return s.seen["check "+warmUp] > 0 })
	for txID, outcome := range halves() {
		half(txID, outcome)
	}
	sender, err := bus.NewSender(t.Context(), "senders")
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range plain() {
		if err := mq.Send(t.Context(), sender, checkedTopic, body, body); err != nil {
			t.Fatal(err)
		}
	}
	s.await(t, func() bool {
		return s.seen["check asked:never:0"] >= checksMax && s.seen[firstGroup+" gets fails-always"] > triesMax && time.Since(s.last) > 2*time.Second
	})
}

// await returns once something holds of what was seen.
func (s *script) await(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		s.mu.Lock()
		held := holds()
		s.mu.Unlock()
		if held {
			return
		}
	}
	t.Fatalf("the embedded broker does not come to rest: %q", s.result())
}

// playSimulated plays it with the simulated queue.
func (s *script) playSimulated(t *testing.T) {
	t.Helper()
	w := New(1, nil, nil)
	w.Settled = true // the queue alone, without faults
	b := NewBus(w)
	for _, group := range []string{firstGroup, secondGroup} {
		b.Subscribe(string(checkedTopic), group)
	}
	b.Deliver = func(_ context.Context, group string, m *Message) (bool, error) {
		body, err := checkedTopic.Decode(m.Body)
		if err != nil {
			t.Error(err)
		}
		return true, s.handle(group, body)
	}
	b.Check = func(_ context.Context, h *Half) mq.Outcome { return s.check(h.TxID) }
	b.Decided = func(*Half) {}
	w.After(0, "send all", Anybody, func(ctx context.Context) {
		for txID, outcome := range halves() {
			h, err := b.PutHalf(txID, string(checkedTopic), fmt.Appendf(nil, "%q", txID))
			if err != nil {
				t.Error(err)
			}
			b.End(h, outcome)
		}
		for _, body := range plain() {
			if err := mq.Send(ctx, mq.SenderOver(func(_ context.Context, m mq.Outgoing) error { return b.Send(m) }),
				checkedTopic, body, body); err != nil {
				t.Error(err)
			}
		}
	})
	w.RunUntil(w.Start.Add(100*time.Hour), func() {})
	if len(b.OpenHalves()) > 0 || b.Pending > 0 || len(b.Dead) != 2 {
		t.Errorf("at rest %v are open, %d on their way and %v dead", b.OpenHalves(), b.Pending, b.Dead)
	}
}

// What the simulator proves it proves of its own queue. So that queue and the embedded broker, which passes the tests that a real
// RocketMQ passes, are played the same script: who gets what how often, and who is asked about what.
func TestTheSimulatedQueueDoesWhatTheEmbeddedBrokerDoes(t *testing.T) {
	embedded, simulated := newScript(), newScript()
	embedded.playEmbedded(t)
	simulated.playSimulated(t)
	if want, got := embedded.result(), simulated.result(); !slices.Equal(want, got) {
		t.Errorf("the simulated queue:\n%s\nthe embedded broker:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

package order

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// The provider is answered when the money is safe in the database, whatever becomes of the message. The message used to
// be left to the sweeper, a payment window later, when the broker was away for a moment.
func TestPaymentIsAnsweredWhileTheQueueIsAwayAndPublishedAfterwards(t *testing.T) {
	f := newFixture(t)
	a, b := f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(a, b)
	f.refuse.Store(true)
	f.pay(f.payment(a), Applied)
	for deadline := time.Now().Add(20 * time.Second); !f.orders.publisher.failing.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the broker refused no message")
		}
	}
	f.pay(f.payment(b), Applied)
	f.refuse.Store(false)
	f.drained(2)
	f.wantSettled(event.SettledOrder{OrderID: a.ID, Outcome: event.Paid}, event.SettledOrder{OrderID: b.ID, Outcome: event.Paid})
	if lost := f.orders.Unpublished(); lost != 0 {
		t.Errorf("%d unpublished, want none", lost)
	}
}

func TestPublisherMergesWhatWaits(t *testing.T) {
	first, release := make(chan struct{}), make(chan struct{})
	var sizes []int // written by the only goroutine, read after close
	p := newPublisher(t, 4, slog.DiscardHandler, func(_ context.Context, list []event.SettledOrder) error {
		sizes = append(sizes, len(list))
		if len(sizes) == 1 {
			close(first)
			<-release
		}
		return nil
	})
	p.offer(t.Context(), event.SettledOrder{})
	<-first
	for range 7 {
		p.offer(t.Context(), event.SettledOrder{})
	}
	close(release)
	p.close()
	if len(sizes) != 3 || sizes[0] != 1 || sizes[1] != 4 || sizes[2] != 3 {
		t.Errorf("lists of %v, want [1 4 3]", sizes)
	}
	p.offer(t.Context(), event.SettledOrder{})
	if lost := p.lost.Load(); lost != 1 {
		t.Errorf("%d lost after close, want the 1 that came late", lost)
	}
}

func TestPublisherNeverBlocksAndLogsAnOutageOnce(t *testing.T) {
	var log strings.Builder
	first, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p := newPublisher(t, 1, slog.NewTextHandler(&log, nil), func(context.Context, []event.SettledOrder) error {
		once.Do(func() {
			close(first)
			<-release
		})
		return errAway
	})
	p.offer(t.Context(), event.SettledOrder{})
	<-first
	for range cap(p.queue) + 10 {
		p.offer(t.Context(), event.SettledOrder{})
	}
	if lost := p.lost.Load(); lost != 10 {
		t.Errorf("%d lost with a full queue, want 10", lost)
	}
	close(release)
	p.close()
	if lost, want := p.lost.Load(), int64(cap(p.queue)+11); lost != want {
		t.Errorf("%d lost, want all %d", lost, want)
	}
	if n := strings.Count(log.String(), "not published"); n != 1 {
		t.Errorf("logged %d times, want once", n)
	}
}

// attempt is one try of the publisher, by the bubble's clock.
type attempt struct {
	after time.Duration // since the first
	list  []event.SettledOrder
}

// patchyBroker answers the tries of a publisher in turn, and takes everything when it has no more answers.
type patchyBroker struct {
	answers  []error
	attempts []attempt
	start    time.Time
}

func (b *patchyBroker) send(_ context.Context, list []event.SettledOrder) error {
	if b.start.IsZero() {
		b.start = time.Now()
	}
	b.attempts = append(b.attempts, attempt{time.Since(b.start), list})
	if n := len(b.attempts); n <= len(b.answers) {
		return b.answers[n-1]
	}
	return nil
}

func TestPublisherHoldsAListThroughAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		b := &patchyBroker{answers: slices.Repeat([]error{errAway}, 9)}
		p := newPublisher(t, 4, slog.NewTextHandler(&log, nil), b.send)
		for n := range 6 {
			p.offer(t.Context(), event.SettledOrder{OrderID: fmt.Sprint(n)})
			synctest.Wait() // the first is held, the others wait
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		var tries, sizes []int // ms, and what was taken
		for i, a := range b.attempts {
			tries = append(tries, int(a.after.Milliseconds()))
			if i >= len(b.answers) {
				sizes = append(sizes, len(a.list))
			}
		}
		if want := []int{0, 100, 300, 700, 1500, 3100, 6300, 11300, 16300, 21300, 21300, 21300}; !slices.Equal(tries, want) {
			t.Errorf("tried after %v ms, want %v", tries, want)
		}
		if want := []int{1, 4, 1}; !slices.Equal(sizes, want) {
			t.Errorf("published lists of %v, want %v", sizes, want)
		}
		if n := p.lost.Load(); n != 0 {
			t.Errorf("%d lost, want none", n)
		}
		for _, sentence := range []string{"not published", "published again"} {
			if n := strings.Count(log.String(), sentence); n != 1 {
				t.Errorf("%q was logged %d times, want once:\n%s", sentence, n, log.String())
			}
		}
	})
}

// A message that the broker will never take must not hold up those that it would.
func TestPublisherDropsWhatIsRefusedForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &patchyBroker{answers: []error{mq.ErrNotSent}}
		p := newPublisher(t, 1, slog.DiscardHandler, b.send)
		p.offer(t.Context(), event.SettledOrder{})
		p.offer(t.Context(), event.SettledOrder{})
		synctest.Wait()
		if len(b.attempts) != 2 || p.lost.Load() != 1 {
			t.Errorf("%d tries and %d lost, want one order lost at once and one sent", len(b.attempts), p.lost.Load())
		}
	})
}

func TestCloseEndsThePauseWithOneMoreTry(t *testing.T) {
	for name, back := range map[string]bool{"the broker is back": true, "the broker is away": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &patchyBroker{answers: slices.Repeat([]error{errAway}, 9)}
				p := newPublisher(t, 2, slog.DiscardHandler, b.send)
				for range 4 {
					p.offer(t.Context(), event.SettledOrder{})
					synctest.Wait()
				}
				time.Sleep(6 * time.Second) // the last of six tries; five seconds to the next
				synctest.Wait()
				want := int64(4)
				if back {
					b.answers, want = nil, 0
				}
				start := time.Now()
				p.close()
				if took, lost := time.Since(start), p.lost.Load(); took != 0 || lost != want || len(b.attempts) != 9 {
					t.Errorf("closed after %v and %d tries with %d lost, want 0s, 9 and %d", took, len(b.attempts), lost, want)
				}
			})
		})
	}
}

// A broker that swallows messages without an answer must not keep the process from ending.
func TestCloseEndsWithinTheDrainTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, 1, slog.DiscardHandler, func(ctx context.Context, _ []event.SettledOrder) error {
			<-ctx.Done()
			return errAway
		})
		for range 100 {
			p.offer(t.Context(), event.SettledOrder{})
		}
		time.Sleep(7 * time.Second)
		start := time.Now()
		p.close()
		if took, lost := time.Since(start), p.lost.Load(); took > drainTimeout || lost != 100 {
			t.Errorf("closed after %v with %d lost, want at most %v and all 100", took, lost, drainTimeout)
		}
	})
}

var errAway = fmt.Errorf("no broker: %w", mq.ErrUnavailable)

func newPublisher(t *testing.T, max int, log slog.Handler, send func(context.Context, []event.SettledOrder) error) *publisher {
	t.Helper()
	p := startPublisher(t.Context(), slog.New(log), max, send)
	t.Cleanup(p.close)
	return p
}

// Where order-settled is published when asked for, each queued order goes out once, and an outage keeps it.
func TestPublishQueuedSendsWhatAnOutageKept(t *testing.T) {
	var sent []string
	away := errAway
	p := idlePublisher(t.Context(), slog.New(slog.DiscardHandler), 2, func(_ context.Context, orders []event.SettledOrder) error {
		if away == nil {
			for _, o := range orders {
				sent = append(sent, o.OrderID)
			}
		}
		return away
	})
	defer p.close()
	for _, id := range []string{"1", "2", "3"} {
		p.offer(t.Context(), event.SettledOrder{OrderID: id, Outcome: event.Paid})
	}
	if n, err := p.publishQueued(t.Context()); n != 0 || err == nil || len(p.queue) != 3 {
		t.Fatalf("sent %d with error %v and kept %d, want none sent and all kept", n, err, len(p.queue))
	}
	away = nil
	if n, err := p.publishQueued(t.Context()); n != 3 || err != nil {
		t.Errorf("sent %d with error %v", n, err)
	}
	slices.Sort(sent)
	if !slices.Equal(sent, []string{"1", "2", "3"}) {
		t.Errorf("sent %v", sent)
	}
}

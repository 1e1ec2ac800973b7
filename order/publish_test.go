package order

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/common/event"
)

// The provider is answered when the money is safe in the database, whatever becomes of the message.
func TestPaymentIsAnsweredWhileTheQueueIsAway(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	f.refuse.Store(true)
	f.pay(f.payment(o), Applied)
	for deadline := time.Now().Add(20 * time.Second); f.orders.Unpublished() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the lost message was not counted")
		}
	}
	f.refuse.Store(false)
	f.create(o) // the sweeper
	f.wantSettled(event.SettledOrder{OrderID: o.ID, Outcome: event.Paid})
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
	p.offer(event.SettledOrder{})
	<-first
	for range 7 {
		p.offer(event.SettledOrder{})
	}
	close(release)
	p.close()
	if len(sizes) != 3 || sizes[0] != 1 || sizes[1] != 4 || sizes[2] != 3 {
		t.Errorf("lists of %v, want [1 4 3]", sizes)
	}
	p.offer(event.SettledOrder{})
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
		return errors.New("no broker")
	})
	p.offer(event.SettledOrder{})
	<-first
	for range cap(p.queue) + 10 {
		p.offer(event.SettledOrder{})
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

func newPublisher(t *testing.T, max int, log slog.Handler, send func(context.Context, []event.SettledOrder) error) *publisher {
	t.Helper()
	p := startPublisher(t.Context(), Options{Log: slog.New(log), MaxBatch: max}, send)
	t.Cleanup(p.close)
	return p
}

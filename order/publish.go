package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

const (
	publishQueue   = 4096
	publishTimeout = 5 * time.Second        // of one message
	drainTimeout   = 5 * time.Second        // of all that waits at the end
	firstPause     = 100 * time.Millisecond // before a message is sent again; doubles
	lastPause      = 5 * time.Second
)

var (
	errPublishFull   = errors.New("publish queue is full")
	errPublishClosed = errors.New("publisher is closed")
)

// sendSettled sends final orders to stock and returns nil only when all messages are stored.
func (o *Orders) sendSettled(ctx context.Context, final []event.SettledOrder) error {
	for list := range slices.Chunk(final, o.maxBatch) {
		if err := mq.Send(ctx, o.sender, event.OrderSettled, list[0].OrderID, event.Settled{Orders: list}); err != nil {
			return fmt.Errorf("send order-settled: %w", err)
		}
	}
	return nil
}

// publisher sends order-settled for those who do not wait for it: whatever came while one message was in flight goes
// out with the next. While no broker takes it, it holds the message and tries again, and the queue fills. What does not
// fit, is refused for good, or is left at the end, it counts and drops, because stock's sweeper asks for it again.
type publisher struct {
	log     *slog.Logger
	send    func(context.Context, []event.SettledOrder) error
	max     int
	queue   chan event.SettledOrder
	mu      sync.RWMutex // held for writing only by close, so that nobody sends on a closed queue
	closed  bool
	closing chan struct{} // ends the pauses
	done    chan struct{}
	abort   context.CancelFunc
	lost    atomic.Int64
	failing atomic.Bool // so that an outage is logged once
}

func startPublisher(ctx context.Context, opts Options, send func(context.Context, []event.SettledOrder) error) *publisher {
	ctx, abort := context.WithCancel(ctx)
	p := &publisher{
		log: opts.Log, send: send, max: opts.MaxBatch,
		queue:   make(chan event.SettledOrder, max(publishQueue, 4*opts.MaxBatch)),
		closing: make(chan struct{}), done: make(chan struct{}), abort: abort,
	}
	go func() {
		defer close(p.done)
		p.run(ctx)
	}()
	return p
}

// offer hands in a final order and never waits.
func (p *publisher) offer(order event.SettledOrder) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		p.drop(1, errPublishClosed)
		return
	}
	select {
	case p.queue <- order:
	default:
		p.drop(1, errPublishFull)
	}
}

func (p *publisher) run(ctx context.Context) {
	for first := range p.queue {
		list := []event.SettledOrder{first}
		for len(list) < p.max && len(p.queue) > 0 {
			list = append(list, <-p.queue)
		}
		if err := p.publish(ctx, list); err != nil {
			p.drop(len(list), err)
		} else if len(p.queue) == 0 && p.failing.Swap(false) {
			p.log.Info("settled orders are published again", "lost", p.lost.Load())
		}
	}
}

// publish tries until the list is sent or the broker refuses it for good. Once the publisher closes, there is one more
// try and no pause.
func (p *publisher) publish(ctx context.Context, list []event.SettledOrder) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		last := p.isClosing()
		err := p.trySend(ctx, list)
		if err == nil || last || !mayPass(err) {
			return err
		}
		p.report(err)
		select {
		case <-time.After(pause):
		case <-p.closing:
		}
	}
}

func (p *publisher) trySend(ctx context.Context, list []event.SettledOrder) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.send(ctx, list)
}

// mayPass tells an outage from a message that is refused for good, which must not hold up those behind it.
func mayPass(err error) bool {
	return errors.Is(err, mq.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}

func (p *publisher) isClosing() bool {
	select {
	case <-p.closing:
		return true
	default:
		return false
	}
}

func (p *publisher) drop(n int, err error) {
	p.lost.Add(int64(n))
	p.report(err)
}

func (p *publisher) report(err error) {
	if !p.failing.Swap(true) {
		p.log.Warn("settled orders are not published; the sweeper will ask for those that are lost", "err", err)
	}
}

// close takes no more, sends what waits within drainTimeout, and returns when the goroutine has ended.
func (p *publisher) close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.queue)
		close(p.closing)
	}
	p.mu.Unlock()
	limit := time.AfterFunc(drainTimeout, p.abort)
	defer limit.Stop()
	<-p.done
	p.abort()
}

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
	publishTimeout = 5 * time.Second // of one message
	drainTimeout   = 5 * time.Second // of all that waits at the end
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
// out with the next. What it cannot send it counts and drops, because stock's sweeper asks for it again.
type publisher struct {
	log     *slog.Logger
	send    func(context.Context, []event.SettledOrder) error
	max     int
	queue   chan event.SettledOrder
	mu      sync.RWMutex // held for writing only by close, so that nobody sends on a closed queue
	closed  bool
	done    chan struct{}
	abort   context.CancelFunc
	lost    atomic.Int64
	failing atomic.Bool // so that an outage is logged once
}

func startPublisher(ctx context.Context, opts Options, send func(context.Context, []event.SettledOrder) error) *publisher {
	ctx, abort := context.WithCancel(ctx)
	p := &publisher{
		log: opts.Log, send: send, max: opts.MaxBatch,
		queue: make(chan event.SettledOrder, max(publishQueue, 4*opts.MaxBatch)), done: make(chan struct{}), abort: abort,
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
		sendCtx, cancel := context.WithTimeout(ctx, publishTimeout)
		err := p.send(sendCtx, list)
		cancel()
		if err != nil {
			p.drop(len(list), err)
		} else if len(p.queue) == 0 {
			p.failing.Store(false)
		}
	}
}

func (p *publisher) drop(n int, err error) {
	p.lost.Add(int64(n))
	if !p.failing.Swap(true) {
		p.log.Warn("settled orders are not published, the sweeper will ask for them", "err", err)
	}
}

// close takes no more, sends what waits within drainTimeout, and returns when the goroutine has ended.
func (p *publisher) close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.queue)
	}
	p.mu.Unlock()
	limit := time.AfterFunc(drainTimeout, p.abort)
	defer limit.Stop()
	<-p.done
	p.abort()
}

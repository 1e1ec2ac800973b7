package order

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/common/tracing"
)

const (
	publishQueue   = 4096
	publishTimeout = 5 * time.Second        // of one message
	drainTimeout   = 5 * time.Second        // of all that is queued when the publisher closes
	firstPause     = 100 * time.Millisecond // before the first retry; doubles with each
	lastPause      = 5 * time.Second
)

var (
	errPublishFull   = errors.New("publish queue is full")
	errPublishClosed = errors.New("publisher is closed")
)

// publisher sends order-settled in the background, for callers that do not wait for it. All orders that arrive while
// one message is being sent go out in the next one. While the broker is unavailable the publisher retries and the queue
// fills. Orders that do not fit, that the broker refuses for good, or that are left when it closes are counted and
// dropped, because stock's sweeper asks for them again.
type publisher struct {
	log     *slog.Logger
	send    func(context.Context, []event.SettledOrder) error
	max     int // orders in one message
	queue   chan queuedOrder
	mu      sync.RWMutex // held for writing only by close, so that nobody sends on a closed queue
	closed  bool
	closing chan struct{} // closed to end the pauses between retries
	done    chan struct{} // closed when the goroutine has ended
	abort   context.CancelFunc
	run     func() // sends until the queue is closed
	started bool
	lost    atomic.Int64
	failing atomic.Bool // so that an outage is logged once
}

// queuedOrder is a final order that waits to be published, and its trace.
type queuedOrder struct {
	event.SettledOrder
	traces tracing.List
}

// startPublisher starts a publisher's goroutine; close ends it.
func startPublisher(ctx context.Context, log *slog.Logger, batchMax int, send func(context.Context, []event.SettledOrder) error) *publisher {
	p := idlePublisher(ctx, log, batchMax, send)
	p.started = true
	go func() {
		defer close(p.done)
		p.run()
	}()
	return p
}

// idlePublisher returns a publisher without a goroutine, which sends when publishQueued is called.
func idlePublisher(ctx context.Context, log *slog.Logger, batchMax int, send func(context.Context, []event.SettledOrder) error) *publisher {
	ctx, abort := context.WithCancel(ctx)
	p := &publisher{
		log: log, send: send, max: batchMax,
		queue:   make(chan queuedOrder, max(publishQueue, 4*batchMax)),
		closing: make(chan struct{}), done: make(chan struct{}), abort: abort,
	}
	p.run = func() { p.sendAll(ctx) }
	return p
}

// offer queues a final order, whose trace ctx may have, and never blocks.
func (p *publisher) offer(ctx context.Context, order event.SettledOrder) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		p.drop(1, errPublishClosed)
		return
	}
	select {
	case p.queue <- queuedOrder{order, tracing.From(ctx).About(order.OrderID)}:
	default:
		p.drop(1, errPublishFull)
	}
}

// collect makes a batch of the first order and of what is queued already.
func (p *publisher) collect(first queuedOrder) (batch []event.SettledOrder, traces tracing.List) {
	batch, traces = []event.SettledOrder{first.SettledOrder}, first.traces
	for len(batch) < p.max && len(p.queue) > 0 {
		next := <-p.queue
		batch, traces = append(batch, next.SettledOrder), traces.Join(next.traces)
	}
	return batch, traces
}

// publishQueued sends what is queued by now, each batch once. What an outage keeps back is queued again.
func (p *publisher) publishQueued(ctx context.Context) (sent int, err error) {
	for len(p.queue) > 0 {
		batch, traces := p.collect(<-p.queue)
		if err = p.trySend(tracing.With(ctx, traces), batch); err == nil {
			sent += len(batch)
			continue
		}
		if !isOutage(err) {
			p.drop(len(batch), err)
			continue
		}
		for _, order := range batch {
			p.offer(ctx, order)
		}
		return sent, err
	}
	return sent, nil
}

// sendAll sends what is queued, in batches, until the queue is closed and empty.
func (p *publisher) sendAll(ctx context.Context) {
	for first := range p.queue {
		batch, traces := p.collect(first)
		if err := p.publish(tracing.With(ctx, traces), batch); err != nil {
			p.drop(len(batch), err)
		} else if len(p.queue) == 0 && p.failing.Swap(false) {
			p.log.Info("settled orders are published again", "lost", p.lost.Load())
		}
	}
}

// publish sends one batch, with retries until the broker takes it or refuses it for good. Once the publisher closes,
// there is one more try and no pause.
func (p *publisher) publish(ctx context.Context, batch []event.SettledOrder) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		last := p.isClosing()
		err := p.trySend(ctx, batch)
		if err == nil || last || !isOutage(err) {
			return err
		}
		p.report(err)
		select {
		case <-time.After(pause):
		case <-p.closing:
		}
	}
}

func (p *publisher) trySend(ctx context.Context, batch []event.SettledOrder) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.send(ctx, batch)
}

// isOutage tells an outage, after which a retry may succeed, from a message that is refused for good and must not hold
// up those behind it.
func isOutage(err error) bool {
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

// drop counts n orders as lost.
func (p *publisher) drop(n int, err error) {
	p.lost.Add(int64(n))
	p.report(err)
}

// report logs an outage when it begins.
func (p *publisher) report(err error) {
	if !p.failing.Swap(true) {
		p.log.Warn("settled orders are not published; the sweeper will ask for those that are lost", "error", err)
	}
}

// close refuses further orders, sends what is queued within drainTimeout, and returns when the goroutine has ended. It
// is idempotent.
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
	if p.started {
		<-p.done
	}
	p.abort()
}

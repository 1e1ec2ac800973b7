package mq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/common/tracing"
)

const (
	maxReconsume = 16 // redeliveries before a message goes to the dead letters
	// deadLetterNow is the delay level that asks the broker for the dead letters instead of another delivery.
	deadLetterNow = -1

	// A handler whose error is transient is called again in place for retryMax, with pauses that double.
	retryMax      = time.Minute
	retryPauseMin = 100 * time.Millisecond
	retryPauseMax = 2 * time.Second

	// cancelGrace is how long handlers have to return once their context has ended.
	cancelGrace = time.Second
)

// dispatcher hands the messages that the client library delivers to one consumer over to its handlers, at most as many
// at once as there are slots, and decides about those that fail.
type dispatcher struct {
	namespace   namespace
	group       string
	timeout     time.Duration    // of one handler call
	isTransient func(error) bool // may be nil
	counters    *counters
	tracer      *tracing.Tracer
	log         *slog.Logger
	slots       chan struct{}

	mu       sync.Mutex    // keeps the wait group from growing once drain waits for it
	draining chan struct{} // closed when no more handlers are called
	released chan struct{} // closed when what was delivered meanwhile may go back
	running  sync.WaitGroup
}

// deliver handles one delivery. ctx lives as long as the consumer; clientCtx is the context that the client library
// hands over.
func (d *dispatcher) deliver(ctx, clientCtx context.Context, h Handler, ms []*primitive.MessageExt) consumer.ConsumeResult {
	if !d.begin() {
		<-d.released
		return consumer.ConsumeRetryLater
	}
	defer d.running.Done()
	defer func() { <-d.slots }()

	for _, m := range ms { // one, by the batch size that we set
		ctx, step := startProcess(ctx, d.tracer, d.group, h.topic, m)
		err := d.handle(ctx, h, m)
		step.End(err)
		if err == nil {
			d.counters.handled.Add(1)
			continue
		}
		level := d.nextLevel(h, m, err)
		if concurrently, ok := primitive.GetConcurrentlyCtx(clientCtx); ok {
			concurrently.DelayLevelWhenNextConsume = level
		}
		return consumer.ConsumeRetryLater
	}
	return consumer.ConsumeSuccess
}

// begin waits for a slot: the client library bounds its goroutines by topic, and redeliveries have a topic of their own.
// It is false when the consumer drains.
func (d *dispatcher) begin() bool {
	select {
	case d.slots <- struct{}{}:
	case <-d.draining:
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.draining:
		<-d.slots
		return false
	default:
		d.running.Add(1)
		return true
	}
}

// handle calls the handler, and again while its error is transient. The message keeps its slot meanwhile: sent back to
// the broker it would climb the delay levels, and rest for minutes after the end of an outage that lasted one.
func (d *dispatcher) handle(ctx context.Context, h Handler, m *primitive.MessageExt) error {
	end := time.Now().Add(retryMax)
	for pause := retryPauseMin; ; pause = min(2*pause, retryPauseMax) {
		err := d.try(ctx, h, m)
		if err == nil || d.isTransient == nil || !d.isTransient(err) || !time.Now().Before(end) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-d.draining:
			return err
		}
	}
}

func (d *dispatcher) try(ctx context.Context, h Handler, m *primitive.MessageExt) error {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	if err := d.namespace.checkOwner(&m.Message); err != nil {
		return err // a member of its own system may get the next delivery
	}
	return h.call(ctx, m.Body)
}

// nextLevel reports a delivery that failed and returns the delay level of the next one: 1, 2, 3, and so on.
func (d *dispatcher) nextLevel(h Handler, m *primitive.MessageExt, err error) int {
	attributes := []any{
		slog.String("topic", h.topic), slog.String("key", m.GetKeys()), slog.String("msg_id", m.MsgId),
		slog.Int("retries", int(m.ReconsumeTimes)), slog.String("error", err.Error()),
	}
	var permanent permanentError
	if errors.As(err, &permanent) || m.ReconsumeTimes >= maxReconsume {
		d.counters.deadLettered.Add(1)
		d.log.Error("message goes to the dead letters", attributes...)
		return deadLetterNow
	}
	d.counters.retried.Add(1)
	level := slog.LevelWarn
	if d.isTransient != nil && d.isTransient(err) { // an outage, of which there is a line already
		level = slog.LevelDebug
	}
	d.log.Log(context.Background(), level, "message will be delivered again", attributes...)
	return int(m.ReconsumeTimes) + 1
}

// drain holds back what is delivered from now on, and waits for the handlers that run. When ctx ends first, it cancels
// their contexts and waits a moment more.
func (d *dispatcher) drain(ctx context.Context, cancel context.CancelFunc) error {
	d.mu.Lock()
	close(d.draining)
	d.mu.Unlock()
	idle := waitChannel(&d.running)
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	cancel()
	select {
	case <-idle:
	case <-time.After(cancelGrace):
	}
	return fmt.Errorf("drain consumer: %w", ctx.Err())
}

// release lets what drain has held back return to the client library.
func (d *dispatcher) release() { close(d.released) }

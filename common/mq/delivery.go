package mq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// deadLetterNow is the delay level that asks the broker for the dead letters instead of another delivery.
const deadLetterNow = -1

const (
	holdMax      = time.Minute // in which a handler is called again and again
	holdPauseMin = 100 * time.Millisecond
	holdPauseMax = 2 * time.Second
)

// Handler handles the messages of one topic. Make one with Handle.
type Handler struct {
	topic  string
	handle func(ctx context.Context, body []byte) error
}

// Handle makes the Handler of a topic. handle must be idempotent: every message may come more than once, also after it
// was handled.
func Handle[T any](topic Topic[T], handle func(context.Context, T) error) Handler {
	return Handler{topic: string(topic), handle: func(ctx context.Context, body []byte) error {
		payload, err := topic.Decode(body)
		if err != nil {
			return Permanent(err)
		}
		return handle(ctx, payload)
	}}
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent marks a handler's error as one that another delivery cannot help: the message goes to the dead letters at
// once. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// deliver handles one delivery. ctx lives as long as the consumer; client is the context that the client library hands
// over.
func (c *Consumer) deliver(ctx, client context.Context, h Handler, ms []*primitive.MessageExt) consumer.ConsumeResult {
	if !c.begin() {
		<-c.released
		return consumer.ConsumeRetryLater
	}
	defer c.running.Done()
	defer func() { <-c.slots }()

	for _, m := range ms { // one, by the batch size that we set
		err := c.handle(extractTrace(ctx, &m.Message), h, m)
		if err == nil {
			c.bus.counters.handled.Add(1)
			continue
		}
		level := c.failed(h, m, err)
		if concurrently, ok := primitive.GetConcurrentlyCtx(client); ok {
			concurrently.DelayLevelWhenNextConsume = level
		}
		return consumer.ConsumeRetryLater
	}
	return consumer.ConsumeSuccess
}

// handle calls the handler, and again while its error is one that passes by itself. The message keeps its slot
// meanwhile: sent back to the broker it would climb the delay levels, and rest for minutes after the end of an outage
// that lasted one.
func (c *Consumer) handle(ctx context.Context, h Handler, m *primitive.MessageExt) error {
	end := time.Now().Add(holdMax)
	for pause := holdPauseMin; ; pause = min(2*pause, holdPauseMax) {
		err := c.call(ctx, h, m)
		if err == nil || c.passes == nil || !c.passes(err) || !time.Now().Before(end) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-c.draining:
			return err
		}
	}
}

func (c *Consumer) call(ctx context.Context, h Handler, m *primitive.MessageExt) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := c.bus.checkOwner(&m.Message); err != nil {
		return err // a member of its own system may get the next delivery
	}
	return guard(ctx, h, m)
}

// begin waits for a slot: the client bounds its goroutines by topic, and retries have a topic of their own. It is false
// when the consumer drains.
func (c *Consumer) begin() bool {
	select {
	case c.slots <- struct{}{}:
	case <-c.draining:
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.draining:
		<-c.slots
		return false
	default:
		c.running.Add(1)
		return true
	}
}

// guard turns a panic into an error. The client would swallow it, neither acknowledge the message nor send it back, and
// stop its queue.
func guard(ctx context.Context, h Handler, m *primitive.MessageExt) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("handler panicked: %v\n%s", cause, debug.Stack())
		}
	}()
	if err := h.handle(ctx, m.Body); err != nil {
		return err
	}
	return nil
}

// failed reports a delivery and returns the delay level of the next one: 1, 2, 3, and so on.
func (c *Consumer) failed(h Handler, m *primitive.MessageExt, err error) int {
	attributes := []any{
		slog.String("topic", h.topic), slog.String("key", m.GetKeys()), slog.String("msg_id", m.MsgId),
		slog.Int("retries", int(m.ReconsumeTimes)), slog.String("error", err.Error()),
	}
	var permanent permanentError
	if errors.As(err, &permanent) || m.ReconsumeTimes >= maxReconsume {
		c.bus.counters.deadLettered.Add(1)
		c.bus.log.Error("message goes to the dead letters", attributes...)
		return deadLetterNow
	}
	c.bus.counters.retried.Add(1)
	c.bus.log.Warn("message will be delivered again", attributes...)
	return int(m.ReconsumeTimes) + 1
}

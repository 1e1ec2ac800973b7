//go:build !race

// The client's push consumer races with itself when it starts (SubscriptionData.SubVersion), so these tests would fail
// under the race detector now and then.

package mq_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"boxoffice/broker"
	"boxoffice/common/mq"
)

func options(group string) mq.ConsumeOptions {
	return mq.ConsumeOptions{Group: group, Concurrency: 8, Timeout: 30 * time.Second}
}

func newConsumer(t *testing.T, bus *mq.Bus, group string, handlers ...mq.Handler) *mq.Consumer {
	t.Helper()
	c, err := bus.Consume(t.Context(), options(group), handlers...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// into is a handler that passes what it gets to a channel.
func into(topic mq.Topic[order], orders chan<- order) mq.Handler {
	return mq.Handle(topic, func(_ context.Context, o order) error {
		orders <- o
		return nil
	})
}

// deadLetters reads the dead letters of a group.
func deadLetters(t *testing.T, bus *mq.Bus, group string) <-chan json.RawMessage {
	t.Helper()
	letters := make(chan json.RawMessage, 100)
	topic := mq.Topic[json.RawMessage]("%DLQ%" + group)
	reader := unique(t)
	if err := bus.Provision(t.Context(), nil, []string{reader}); err != nil {
		t.Fatal(err)
	}
	newConsumer(t, bus, reader, mq.Handle(topic, func(_ context.Context, m json.RawMessage) error {
		letters <- m
		return nil
	}))
	return letters
}

func TestMessagesArrive(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	orders := make(chan order, 100)
	newConsumer(t, bus, group, into(topic, orders))

	if err := mq.Send(t.Context(), sender, topic, "k", order{"plain"}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, h, "plain message", orders); got.ID != "plain" {
		t.Errorf("got %+v", got)
	}
	if err := mq.SendDelayed(t.Context(), sender, topic, "k", order{"delayed"}, 1); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-orders:
		t.Errorf("got %+v before its delay", got)
	case <-time.After(50 * time.Millisecond): // long enough to see one that is not delayed
	}
	if got := receive(t, h, "delayed message", orders); got.ID != "delayed" {
		t.Errorf("got %+v", got)
	}
	h.eventually(t, "count", func() bool { return bus.Stats().Handled == 2 })
}

func TestHalvesArriveWhenCommitted(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic := newTopic(t, bus, group)
	orders := make(chan order, 100)
	newConsumer(t, bus, group, into(topic, orders))
	asked := noCheck(t)
	transactor := newTransactor(t, bus, unique(t), func(ctx context.Context, half mq.Half) mq.Outcome {
		switch half.TxID {
		case "unknown":
			return mq.Commit
		case "rolled-back":
			asked(ctx, half)
			return mq.Rollback
		}
		return asked(ctx, half)
	})
	for _, half := range []struct {
		id      string
		outcome mq.Outcome
	}{{"rolled-back", mq.Rollback}, {"committed", mq.Commit}, {"unknown", mq.Unknown}} {
		if _, err := mq.SendHalf(t.Context(), transactor, topic, half.id, order{half.id}, answer(half.outcome)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"committed", "unknown"} {
		if got := receive(t, h, want, orders); got.ID != want {
			t.Errorf("got %q, want %q", got.ID, want)
		}
	}
}

func TestTraceGoesThroughAMessage(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	spans := make(chan trace.SpanContext, 100)
	newConsumer(t, bus, group, mq.Handle(topic, func(ctx context.Context, _ order) error {
		spans <- trace.SpanContextFromContext(ctx)
		return nil
	}))
	state, err := trace.ParseTraceState("vendor=value")
	if err != nil {
		t.Fatal(err)
	}
	sent := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, TraceState: state,
	})
	if err := mq.Send(trace.ContextWithSpanContext(t.Context(), sent), sender, topic, "k", order{"1"}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, h, "span", spans); !got.Equal(sent.WithRemote(true)) {
		t.Errorf("handler runs in span %+v, want %+v", got, sent)
	}
}

func TestFailedDeliveryComesAgain(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	var tries atomic.Int32
	newConsumer(t, bus, group, mq.Handle(topic, func(_ context.Context, _ order) error {
		switch tries.Add(1) {
		case 1:
			return errors.New("database is away")
		case 2:
			// The client would swallow it and stop the queue.
			panic("handler")
		default:
			return nil
		}
	}))
	if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); err != nil {
		t.Fatal(err)
	}
	h.eventually(t, "third delivery", func() bool { return bus.Stats().Handled == 1 })
	if got := bus.Stats(); got.Retried != 2 || got.DeadLettered != 0 || tries.Load() != 3 {
		t.Errorf("after %d tries the stats are %+v", tries.Load(), got)
	}
}

// A message that failed in an outage climbed the delay levels, so that it rested for a minute after an outage of half a
// minute: the tickets of unpaid orders came back that much too late.
func TestMessageIsHeldWhileItsErrorPasses(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	away := errors.New("database is away")
	var tries atomic.Int32
	o := options(group)
	o.IsTransient = func(err error) bool { return errors.Is(err, away) }
	_, err := bus.Consume(t.Context(), o, mq.Handle(topic, func(ctx context.Context, _ order) error {
		if ctx.Err() != nil {
			t.Errorf("try %d has the context of an earlier one: %v", tries.Load(), ctx.Err())
		}
		if tries.Add(1) < 4 {
			return fmt.Errorf("create order: %w", away)
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); err != nil {
		t.Fatal(err)
	}
	h.eventually(t, "fourth try", func() bool { return bus.Stats().Handled == 1 })
	if got := bus.Stats(); got.Retried != 0 || tries.Load() != 4 {
		t.Errorf("after %d tries the stats are %+v, want no delivery but the first", tries.Load(), got)
	}
}

// A consumer that stops waits for no outage to end: what it holds goes back to the queue.
func TestConsumerThatHoldsAMessageCloses(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	tried := make(chan struct{}, 1000)
	o := options(group)
	o.IsTransient = func(error) bool { return true }
	c, err := bus.Consume(t.Context(), o, mq.Handle(topic, func(context.Context, order) error {
		tried <- struct{}{}
		return errors.New("database is away")
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); err != nil {
		t.Fatal(err)
	}
	receive(t, h, "first try", tried)
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	orders := make(chan order, 1)
	newConsumer(t, bus, group, into(topic, orders))
	if got := receive(t, h, "held message", orders); got.ID != "1" {
		t.Errorf("got %+v", got)
	}
}

func TestHandlerHasATimeout(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	ends := make(chan error, 100)
	o := options(group)
	o.Timeout = 10 * time.Millisecond
	_, err := bus.Consume(t.Context(), o, mq.Handle(topic, func(ctx context.Context, _ order) error {
		<-ctx.Done()
		ends <- ctx.Err()
		return mq.Permanent(ctx.Err())
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, h, "timeout", ends); !errors.Is(got, context.DeadlineExceeded) {
		t.Errorf("handler's context ended with %v", got)
	}
}

func TestHopelessMessagesGoToTheDeadLetters(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	letters := deadLetters(t, bus, group)
	var tries atomic.Int32
	newConsumer(t, bus, group, mq.Handle(topic, func(context.Context, order) error {
		tries.Add(1)
		return fmt.Errorf("create order: %w", mq.Permanent(errors.New("amount is negative")))
	}))
	if err := mq.Send(t.Context(), sender, topic, "k", order{"refused"}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, h, "refused message", letters); string(got) != `{"id":"refused"}` {
		t.Errorf("dead letter is %s", got)
	}
	// Another program sent something else to the topic.
	if err := mq.Send(t.Context(), sender, mq.Topic[string](topic), "k", "not an order"); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, h, "undecodable message", letters); string(got) != `"not an order"` {
		t.Errorf("dead letter is %s", got)
	}
	if tries.Load() != 1 || bus.Stats().DeadLettered != 2 {
		t.Errorf("after %d tries the stats are %+v", tries.Load(), bus.Stats())
	}
}

// The client bounds its goroutines by topic only.
func TestHandlersAreBounded(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topics := []mq.Topic[order]{newTopic(t, bus, group), newTopic(t, bus)}
	sender := newSender(t, bus)
	var running, most, handled atomic.Int32
	handle := func(context.Context, order) error {
		now := running.Add(1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		time.Sleep(5 * time.Millisecond) // the work
		running.Add(-1)
		handled.Add(1)
		return nil
	}
	for i := range 40 {
		if err := mq.Send(t.Context(), sender, topics[i%2], "k", order{fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	o := options(group)
	o.Concurrency = 2
	if _, err := bus.Consume(t.Context(), o, mq.Handle(topics[0], handle), mq.Handle(topics[1], handle)); err != nil {
		t.Fatal(err)
	}
	h.eventually(t, "all messages", func() bool { return handled.Load() == 40 })
	if most.Load() != 2 {
		t.Errorf("%d handlers ran at once, want 2", most.Load())
	}
}

// The client's Shutdown does not wait for handlers and forgets what they did; what arrives meanwhile must not be lost.
func TestConsumerCloseDrains(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	running, release := make(chan struct{}), make(chan struct{})
	var finished, late atomic.Bool
	consumer := newConsumer(t, bus, group, mq.Handle(topic, func(_ context.Context, o order) error {
		if o.ID == "late" {
			late.Store(true)
			return nil
		}
		close(running)
		<-release
		finished.Store(true)
		return nil
	}))
	if err := mq.Send(t.Context(), sender, topic, "k", order{"in flight"}); err != nil {
		t.Fatal(err)
	}
	h.eventually(t, "delivery", func() bool {
		select {
		case <-running:
			return true
		default:
			return false
		}
	})
	closed := make(chan error, 1)
	go func() { closed <- consumer.Close(t.Context()) }()
	select {
	case err := <-closed:
		t.Fatalf("closed under a handler: %v", err)
	case <-time.After(50 * time.Millisecond): // long enough to see a Close that does not wait
	}
	if err := mq.Send(t.Context(), sender, topic, "k", order{"late"}); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-closed; err != nil || !finished.Load() || late.Load() {
		t.Errorf("close: %v, finished %t, late %t", err, finished.Load(), late.Load())
	}

	orders := make(chan order, 100)
	newConsumer(t, bus, group, into(topic, orders))
	if got := receive(t, h, "late message", orders); got.ID != "late" {
		t.Errorf("the next consumer got %q first, want the late message alone", got.ID)
	}
}

func TestConsumerCloseIsForcedInTheEnd(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	running := make(chan struct{}, 1)
	ended := make(chan error, 1)
	consumer := newConsumer(t, bus, group, mq.Handle(topic, func(ctx context.Context, _ order) error {
		running <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}))
	if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); err != nil {
		t.Fatal(err)
	}
	receive(t, h, "delivery", running)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for range 2 {
		if err := consumer.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v, want the end of its patience", err)
		}
	}
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("handler's context ended with %v", err)
		}
	default:
		t.Error("close did not end the handler's context")
	}

	orders := make(chan order, 100)
	newConsumer(t, bus, group, into(topic, orders))
	receive(t, h, "message of the handler that did not finish", orders)
}

// A group with a fault that lasts must not spend its 16 tries in a moment, nor wait for half an hour.
func TestRetriesGoUpTheDelayLevels(t *testing.T) {
	t.Parallel()
	h := newFaultyHome(t)
	bus, group := h.open(t), unique(t)
	topic, sender := newTopic(t, bus, group), newSender(t, bus)
	levels := make(chan string, 100)
	h.queue.Intercept(broker.ConsumerSendMsgBack, func(r *broker.Request) broker.Verdict {
		levels <- r.Ext["delayLevel"] + " of " + r.Ext["maxReconsumeTimes"]
		return broker.Pass
	})
	newConsumer(t, bus, group, mq.Handle(topic, func(context.Context, order) error { return errors.New("away") }))
	if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 of 16", "2 of 16", "3 of 16"} {
		if got := receive(t, h, "send-back "+want, levels); got != want {
			t.Errorf("send-back with level %s, want %s", got, want)
		}
	}
}

func TestConsumeRefusesWhatCannotWork(t *testing.T) {
	h := newHome(t)
	bus, group := h.open(t), unique(t)
	topic := newTopic(t, bus, group)
	handler := into(topic, nil)
	tooLong := options(group)
	tooLong.Timeout = time.Hour
	for name, consume := range map[string]func() (*mq.Consumer, error){
		"no handler":          func() (*mq.Consumer, error) { return bus.Consume(t.Context(), options(group)) },
		"two for a topic":     func() (*mq.Consumer, error) { return bus.Consume(t.Context(), options(group), handler, handler) },
		"no group":            func() (*mq.Consumer, error) { return bus.Consume(t.Context(), options(""), handler) },
		"timeout too long":    func() (*mq.Consumer, error) { return bus.Consume(t.Context(), tooLong, handler) },
		"group unprovisioned": func() (*mq.Consumer, error) { return bus.Consume(t.Context(), options(unique(t)), handler) },
	} {
		if _, err := consume(); err == nil {
			t.Errorf("%s: consumes", name)
		}
	}
	missing := into(mq.Topic[order](unique(t)), nil)
	if _, err := bus.Consume(t.Context(), options(group), missing); !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("topic without a route: %v, want ErrUnavailable", err)
	}
}

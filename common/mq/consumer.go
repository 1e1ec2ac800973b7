package mq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

const (
	maxConcurrency    = 1024
	maxHandlerTimeout = 5 * time.Minute // well below the 15 minutes after which the client library sends a message back
	pullBatch         = 32
	resultPause       = 50 * time.Millisecond // for the client library to note the last handler's result
)

// ConsumeOptions are the options of Bus.Consume. Every field but IsTransient is required.
type ConsumeOptions struct {
	Group       string
	Concurrency int           // handler calls at once, 1 to 1024
	Timeout     time.Duration // of one handler call, up to five minutes

	// IsTransient tells errors that pass by themselves, such as a database that is away: the handler is called again in
	// place for up to a minute before the message goes back to the broker.
	IsTransient func(error) bool
}

// Consumer is a member of a consumer group. Make one with Bus.Consume.
type Consumer struct {
	push       rocketmq.PushConsumer
	dispatcher *dispatcher
	cancel     context.CancelFunc // of the handlers' contexts

	once sync.Once
	err  error // of Close
}

// Consume joins a group and delivers its messages to the handlers, one per topic, in no particular order, each at least
// once. All members of a group must have the same topics. A new group begins with the oldest message. ctx bounds the
// start only. The topics must be provisioned; otherwise it fails with ErrUnavailable.
//
// A handler's error, panic or timeout that is not transient brings the message back after a second, then 5 s, 10 s, and
// so on up the delay levels. After 16 of them, or at once if the error is Permanent or the payload cannot be decoded, it
// goes to the topic %DLQ%group.
func (b *Bus) Consume(ctx context.Context, o ConsumeOptions, handlers ...Handler) (*Consumer, error) {
	if err := o.check(handlers); err != nil {
		return nil, fmt.Errorf("consume as group %q: %w", o.Group, err)
	}
	if err := b.namespace.checkGroup(o.Group); err != nil {
		return nil, fmt.Errorf("consume: %w", err)
	}
	topics := []string{retryPrefix + o.Group, deadLetterPrefix + o.Group}
	for _, h := range handlers {
		topics = append(topics, h.topic)
	}
	for _, topic := range topics {
		if err := b.servers.checkRoute(ctx, b.namespace.qualify(topic)); err != nil {
			return nil, fmt.Errorf("consume as group %q: %w", o.Group, err)
		}
	}
	c, err := b.startConsumer(ctx, o, handlers)
	if err != nil {
		return nil, fmt.Errorf("consume as group %q: %w", o.Group, err)
	}
	if err := b.addCloser(c.Close); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	return c, nil
}

func (o ConsumeOptions) check(handlers []Handler) error {
	if o.Group == "" || o.Concurrency < 1 || o.Concurrency > maxConcurrency || o.Timeout <= 0 || o.Timeout > maxHandlerTimeout {
		return fmt.Errorf("options %+v are out of range", o)
	}
	if len(handlers) == 0 {
		return errors.New("no handler")
	}
	taken := make(map[string]bool)
	for _, h := range handlers {
		if h.topic == "" || taken[h.topic] {
			return fmt.Errorf("topic %q is empty or has two handlers", h.topic)
		}
		taken[h.topic] = true
	}
	return nil
}

// startConsumer makes a push consumer of the client library. It subscribes to everything before the start, because the
// library's tables have no lock.
func (b *Bus) startConsumer(ctx context.Context, o ConsumeOptions, handlers []Handler) (*Consumer, error) {
	push, err := consumer.NewPushConsumer(
		consumer.WithGroupName(b.namespace.qualify(o.Group)),
		consumer.WithInstance(b.instances.next("consume")),
		consumer.WithNsResolver(b.servers),
		consumer.WithConsumerModel(consumer.Clustering),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
		consumer.WithConsumeMessageBatchMaxSize(1),
		consumer.WithConsumeGoroutineNums(o.Concurrency),
		consumer.WithPullBatchSize(pullBatch),
		consumer.WithPullThresholdForQueue(int64(max(2*pullBatch, 4*o.Concurrency))),
		consumer.WithMaxReconsumeTimes(maxReconsume),
		consumer.WithVIPChannel(false),
	)
	if err != nil {
		return nil, fmt.Errorf("make consumer: %w", err)
	}
	handlerCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d := &dispatcher{
		namespace: b.namespace, group: o.Group, timeout: o.Timeout, isTransient: o.IsTransient,
		counters: &b.counters, tracer: b.tracer, log: b.log,
		slots: make(chan struct{}, o.Concurrency), draining: make(chan struct{}), released: make(chan struct{}),
	}
	for _, h := range handlers {
		deliver := func(clientCtx context.Context, ms ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			return d.deliver(handlerCtx, clientCtx, h, ms), nil
		}
		if err := push.Subscribe(b.namespace.qualify(h.topic), consumer.MessageSelector{}, deliver); err != nil {
			cancel()
			return nil, fmt.Errorf("subscribe to topic %q: %w", h.topic, err)
		}
	}
	if err := push.Start(); err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("start consumer: %w: %w", ErrUnavailable, err), push.Shutdown())
	}
	return &Consumer{push: push, dispatcher: d, cancel: cancel}, nil
}

// Close drains the consumer: handlers that run may finish until ctx ends, then their contexts are cancelled. A message
// whose handler did not finish is delivered again, to another member or after the next start.
func (c *Consumer) Close(ctx context.Context) error {
	c.once.Do(func() {
		// 1. Deliveries that come now are held, unacknowledged. Handlers in flight finish, or are told to.
		c.err = c.dispatcher.drain(ctx, c.cancel)
		// 2. The client library sends the offsets of what finished and drops its queues. It notes a result after our
		// callback has returned and gives no sign of it; a pause too short would only mean one more delivery.
		<-time.After(resultPause)
		c.err = errors.Join(c.err, c.push.Shutdown())
		// 3. What was held goes back to the library, which ignores it because the queues are dropped.
		c.dispatcher.release()
		c.cancel()
	})
	return c.err
}

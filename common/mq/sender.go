package mq

import (
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const (
	sendTries   = 3
	sendPause   = 50 * time.Millisecond // before the second try; doubles
	senderDrain = 5 * time.Second
)

// Sender sends plain and delayed messages. Make one with Bus.NewSender; it may be used concurrently.
type Sender struct {
	bus      *Bus
	producer rocketmq.Producer
	calls    *calls
	once     sync.Once
}

// NewSender starts a producer of a group. ctx bounds the start only.
func (b *Bus) NewSender(ctx context.Context, group string) (*Sender, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start sender: %w", err)
	}
	if err := b.checkGroup(group); err != nil {
		return nil, fmt.Errorf("start sender: %w", err)
	}
	p, err := producer.NewDefaultProducer(b.producerOptions(group, "send")...)
	if err != nil {
		return nil, fmt.Errorf("make producer of group %q: %w", group, err)
	}
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("start producer of group %q: %w", group, err)
	}
	s := &Sender{bus: b, producer: p, calls: newCalls(maxCalls)}
	if err := b.adopt(func(context.Context) error { s.Close(); return nil }); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// producerOptions leaves retries to us: the client's reuse the message, which makes several halves of one.
func (b *Bus) producerOptions(group, role string) []producer.Option {
	return []producer.Option{
		producer.WithGroupName(b.name(group)),
		producer.WithInstanceName(b.instances.next(role)),
		producer.WithNsResolver(b.servers),
		producer.WithRetry(0),
		producer.WithVIPChannel(false),
		producer.WithCompressLevel(zlib.BestSpeed), // the client's own choice takes four times as long for little less
	}
}

// Close lets no more messages in, waits up to five seconds for those being sent, and ends the producer.
func (s *Sender) Close() {
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), senderDrain)
		defer cancel()
		if err := s.calls.close(ctx); err != nil {
			s.bus.log.Warn("sender closed with messages in flight", "error", err)
		}
		if err := s.producer.Shutdown(); err != nil {
			s.bus.log.Warn("sender did not shut down", "error", err)
		}
	})
}

// Send sends payload as JSON under key, which people and tools can search for and which may be empty. It returns nil
// only when the broker answered SEND_OK, and otherwise, after a few tries, an error that wraps ErrNotSent, and
// ErrUnavailable too unless the broker refused for good. A message that was reported as not sent may be there, or be
// there twice.
func Send[T any](ctx context.Context, s *Sender, topic Topic[T], key string, payload T) error {
	return SendDelayed(ctx, s, topic, key, payload, 0)
}

// SendDelayed is Send with a delivery after the level's delay. Level 0 does not delay; the broker takes a level above
// its last for its last.
func SendDelayed[T any](ctx context.Context, s *Sender, topic Topic[T], key string, payload T, level DelayLevel) error {
	body, err := encode(topic, key, payload)
	if err == nil {
		err = s.send(ctx, func() *primitive.Message {
			m := s.bus.newMessage(ctx, string(topic), key, body)
			if level > 0 {
				m.WithProperty(primitive.PropertyDelayTimeLevel, strconv.Itoa(int(level)))
			}
			return m
		})
	} else {
		err = fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	if err != nil {
		s.bus.counters.sendFailed.Add(1)
		return fmt.Errorf("send to topic %q: %w", topic, err)
	}
	s.bus.counters.sent.Add(1)
	return nil
}

// send tries a few times. compose makes the message anew for each.
func (s *Sender) send(ctx context.Context, compose func() *primitive.Message) error {
	if err := s.bus.checkRoute(ctx, compose().Topic); err != nil {
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	pause := sendPause
	for try := 1; ; try++ {
		err := s.try(ctx, compose())
		if err == nil || try == sendTries || !errors.Is(err, ErrUnavailable) {
			return err
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

func (s *Sender) try(ctx context.Context, m *primitive.Message) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	done := make(chan error, 1)
	if err := s.calls.run(ctx, func() { done <- s.post(ctx, m) }); err != nil {
		return fmt.Errorf("%w: sender: %w", ErrNotSent, err)
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return notSent(ctx.Err())
	}
}

func (s *Sender) post(ctx context.Context, m *primitive.Message) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.bus.log.Error("rocketmq client panicked", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: client panicked: %v", ErrNotSent, cause)
		}
	}()
	result, err := s.producer.SendSync(ctx, m)
	if err != nil {
		return notSent(err)
	}
	if result.Status != primitive.SendOK {
		return fmt.Errorf("%w: %w: stored with status %d", ErrNotSent, ErrUnavailable, result.Status)
	}
	return nil
}

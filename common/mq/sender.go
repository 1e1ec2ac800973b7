package mq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const (
	sendRounds = 3
	sendPause  = 50 * time.Millisecond // before the second round; doubles
	// sendPatience is when the last try may begin: three masters that say nothing take no longer than one that says nothing thrice.
	sendPatience = 2*tryTimeout + 500*time.Millisecond
	senderDrain  = 5 * time.Second
)

// Sender sends plain and delayed messages. Make one with Bus.NewSender; it may be used concurrently.
type Sender struct {
	bus      *Bus
	store    func(context.Context, Outgoing) error // in place of a broker; nil where there is one
	producer rocketmq.Producer
	masters  *masters
	calls    *callPool
	once     sync.Once
}

// Outgoing is a message on its way to whatever stands in for a broker.
type Outgoing struct {
	Topic, Key string
	Body       []byte
	Delay      DelayLevel
}

// SenderOver returns a sender whose messages go to store, once for each send, in place of a broker: a simulation is where
// messages are kept, lost and repeated by a plan. An error of store is the sender's, and says by ErrUnavailable that it passes.
func SenderOver(store func(context.Context, Outgoing) error) *Sender {
	return &Sender{bus: &Bus{}, store: store}
}

// NewSender starts a producer of a group. ctx bounds the start only.
func (b *Bus) NewSender(ctx context.Context, group string) (*Sender, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start sender: %w", err)
	}
	if err := b.namespace.checkGroup(group); err != nil {
		return nil, fmt.Errorf("start sender: %w", err)
	}
	masters := newMasters(b.log, b.servers.reach)
	p, err := producer.NewDefaultProducer(producerOptions(b.servers, masters, b.namespace.qualify(group), b.instances.next("send"))...)
	if err != nil {
		return nil, fmt.Errorf("make producer of group %q: %w", group, err)
	}
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("start producer of group %q: %w", group, err)
	}
	s := &Sender{bus: b, producer: p, masters: masters, calls: newCallPool(maxCalls)}
	if err := b.addCloser(func(context.Context) error { s.Close(); return nil }); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close lets no more messages in, waits up to five seconds for those being sent, and ends the producer.
func (s *Sender) Close() {
	s.once.Do(func() {
		if s.store != nil {
			return
		}
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
func SendDelayed[T any](ctx context.Context, s *Sender, topic Topic[T], key string, payload T, level DelayLevel) (err error) {
	ctx, step := startSend(ctx, string(topic), key)
	defer func() { step.End(err) }()
	body, err := encode(topic, key, payload)
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrNotSent, err)
	case s.store != nil:
		err = s.store(ctx, Outgoing{Topic: string(topic), Key: key, Body: body, Delay: level})
	default:
		err = s.send(ctx, func() *primitive.Message {
			m := newMessage(ctx, s.bus.namespace, string(topic), key, body)
			if level > 0 {
				m.WithProperty(primitive.PropertyDelayTimeLevel, strconv.Itoa(int(level)))
			}
			return m
		})
	}
	if err = s.count(err); err != nil {
		return fmt.Errorf("send to topic %q: %w", topic, err)
	}
	return nil
}

// Resend sends a dead message once more, as a plain message with its own body, key and owner, to the topic to which it
// was sent. Its errors are those of Send.
func Resend(ctx context.Context, s *Sender, dead DeadMessage) error {
	err := s.send(ctx, func() *primitive.Message {
		m := newMessage(ctx, s.bus.namespace, dead.Topic, dead.Key, dead.Body)
		if dead.owner != "" {
			m.WithProperty(propertyOwner, dead.owner)
		}
		return m
	})
	if err = s.count(err); err != nil {
		return fmt.Errorf("send dead message to topic %q again: %w", dead.Topic, err)
	}
	return nil
}

// count counts a message that was sent, or was not, and returns its error.
func (s *Sender) count(err error) error {
	if err != nil {
		s.bus.counters.sendFailed.Add(1)
	} else {
		s.bus.counters.sent.Add(1)
	}
	return err
}

// send tries in a few rounds with a pause between them, in each at every master, while they refuse: those of a cluster have as
// long to come back as a lone one has. compose makes the message anew for each.
func (s *Sender) send(ctx context.Context, compose func() *primitive.Message) error {
	if err := s.bus.servers.checkRoute(ctx, compose().Topic); err != nil {
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	begun, pause, tried := time.Now(), sendPause, &triedMasters{}
	for round := 1; ; {
		err := s.try(ctx, compose(), tried)
		if err == nil || !errors.Is(err, ErrUnavailable) || time.Since(begun) > sendPatience {
			return err
		}
		if s.masters.anotherThan(tried) {
			continue
		}
		if round == sendRounds {
			return err
		}
		round++
		tried = &triedMasters{}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

func (s *Sender) try(caller context.Context, m *primitive.Message, tried *triedMasters) error {
	ctx, cancel := context.WithTimeout(caller, tryTimeout)
	defer cancel()
	done := make(chan error, 1)
	t := s.masters.begin(m, tried)
	err := s.calls.run(ctx, func() {
		err := s.sendSync(ctx, m)
		if gone := caller.Err(); err != nil && gone != nil { // which says nothing of the master
			s.masters.end(t, gone)
		} else {
			s.masters.end(t, err)
		}
		done <- err
	})
	if err != nil {
		s.masters.end(t, err)
		return fmt.Errorf("%w: sender: %w", ErrNotSent, err)
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return notSent(ctx.Err())
	}
}

// sendSync returns nil when the broker has stored m for good.
func (s *Sender) sendSync(ctx context.Context, m *primitive.Message) (err error) {
	defer recoverSend(s.bus.log, &err)
	ctx, free := s.masters.boundDial(ctx, m)
	defer free()
	result, err := s.producer.SendSync(ctx, m)
	if err != nil {
		return notSent(err)
	}
	return checkStatus(result.Status)
}

package site

import (
	"context"
	"fmt"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// Handler is what the client calls with the messages of a consumer: one at a time, in many goroutines at once.
type Handler = func(context.Context, ...*primitive.MessageExt) (consumer.ConsumeResult, error)

// NewProducer makes and starts a producer as examples/hello does, for the scenes that are about something else. Close shuts
// it down.
func (s *Site) NewProducer(group string, more ...producer.Option) (rocketmq.Producer, error) {
	p, err := rocketmq.NewProducer(append(s.ProducerOptions(group), more...)...)
	if err != nil {
		return nil, fmt.Errorf("new producer of group %s: %w", group, err)
	}
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("start producer of group %s: %w", group, err)
	}
	s.clients = append(s.clients, p)
	return p, nil
}

// ProducerOptions are what every producer needs: where the broker is, and a name that no other has.
func (s *Site) ProducerOptions(group string) []producer.Option {
	return []producer.Option{
		producer.WithNsResolver(s.Resolver()), producer.WithGroupName(group), producer.WithInstanceName(s.Instance(group)),
	}
}

// NewConsumer makes a group's retry topic, and a consumer of the group as examples/hello does, with one subscription, and
// starts it. Close shuts it down.
func (s *Site) NewConsumer(
	group, topic string, selector consumer.MessageSelector, handle Handler, more ...consumer.Option,
) (rocketmq.PushConsumer, error) {
	if err := s.Groups(group); err != nil {
		return nil, err
	}
	c, err := rocketmq.NewPushConsumer(append(s.ConsumerOptions(group), more...)...)
	if err != nil {
		return nil, fmt.Errorf("new consumer of group %s: %w", group, err)
	}
	if err := c.Subscribe(topic, selector, handle); err != nil {
		return nil, fmt.Errorf("subscribe group %s to %s: %w", group, topic, err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start consumer of group %s: %w", group, err)
	}
	s.clients = append(s.clients, c)
	return c, nil
}

// ConsumerOptions are what every consumer needs: where the broker is, a name that no other has, and that a new group reads
// all that is there: by default it begins after that.
func (s *Site) ConsumerOptions(group string) []consumer.Option {
	return []consumer.Option{
		consumer.WithNsResolver(s.Resolver()), consumer.WithGroupName(group), consumer.WithInstance(s.Instance(group)),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	}
}

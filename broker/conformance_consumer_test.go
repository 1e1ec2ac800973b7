//go:build !race

// The push consumer of rocketmq-client-go v2.1.2 races at its start: see consumer_test.go.

package broker_test

import (
	"context"
	"testing"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker/remoting"
)

func TestConformanceConsumerReceives(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("orders", 4), s.consumerGroup("readers")
	p := newProducer(t, s)
	for _, tag := range []string{"red", "green"} {
		send(t, p, primitive.NewMessage(topic, []byte("before "+tag)).WithTag(tag))
	}
	var in inbox
	newConsumer(t, s, group, topic, "red", collect(&in))
	eventually(t, "message from before the start", func() bool { return in.count("before red") == 1 })
	for _, tag := range []string{"green", "red"} {
		send(t, p, primitive.NewMessage(topic, []byte("after "+tag)).WithTag(tag))
	}
	eventually(t, "message from after the start", func() bool { return in.count("after red") == 1 })
	if in.len() != 2 {
		t.Errorf("%d messages, want only the red ones", in.len())
	}
}

func TestConformanceConsumerRetriesUntilTheDeadLetters(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("orders", 1), s.consumerGroup("readers")
	var in inbox
	c, err := rocketmq.NewPushConsumer(consumer.WithNsResolver(resolver(s)), consumer.WithGroupName(group),
		consumer.WithInstance(newInstance("consumer")), consumer.WithMaxReconsumeTimes(1),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset)) // the last offset may be behind the message
	if err != nil {
		t.Fatal(err)
	}
	handle := func(ctx context.Context, list ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, m := range list {
			in.add(m)
		}
		if call, ok := primitive.GetConcurrentlyCtx(ctx); ok {
			call.DelayLevelWhenNextConsume = 1
		}
		return consumer.ConsumeRetryLater, nil
	}
	if err := c.Subscribe(topic, consumer.MessageSelector{}, handle); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Shutdown() })
	send(t, newProducer(t, s), primitive.NewMessage(topic, []byte("poison")))
	eventually(t, "dead letter", func() bool { return len(s.stored("%DLQ%"+group, 1)) == 1 })
	if in.len() != 2 {
		t.Fatalf("%d deliveries, want 2", in.len())
	}
	for n, m := range in.messages() {
		if int(m.ReconsumeTimes) != n || m.Topic != topic || string(m.Body) != "poison" {
			t.Errorf("delivery %d: reconsumed %d times, topic %s", n, m.ReconsumeTimes, m.Topic)
		}
	}
	if m := s.stored("%DLQ%"+group, 1)[0]; m.ReconsumeTimes != 2 || string(m.Body) != "poison" {
		t.Errorf("dead letter %+v", m)
	}
}

func TestConformanceTwoConsumersShareTheQueues(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("shared", 4), s.consumerGroup("readers")
	p := newProducer(t, s)
	var one, two inbox
	first := newConsumer(t, s, group, topic, "*", collect(&one))
	newConsumer(t, s, group, topic, "*", collect(&two))
	eventually(t, "both consumers to receive", func() bool {
		send(t, p, primitive.NewMessage(topic, []byte("x")))
		return one.len() > 0 && two.len() > 0
	})
	if err := first.Shutdown(); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		send(t, p, primitive.NewMessage(topic, []byte("y")))
	}
	eventually(t, "the second consumer to take over", func() bool { return two.count("y") == 8 })
}

func TestConformanceBroadcasting(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("news", 2), s.consumerGroup("readers")
	var one, two inbox
	for _, in := range []*inbox{&one, &two} {
		newConsumer(t, s, group, topic, "*", collect(in), consumer.WithConsumerModel(consumer.BroadCasting))
	}
	p := newProducer(t, s)
	for range 4 {
		send(t, p, primitive.NewMessage(topic, []byte("x")))
	}
	eventually(t, "all messages at both", func() bool { return one.count("x") == 4 && two.count("x") == 4 })
}

func TestConformanceConsumerGoesOnWhereTheGroupStopped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("orders", 1), s.consumerGroup("readers")
	p := newProducer(t, s)
	send(t, p, primitive.NewMessage(topic, []byte("old")))
	var in, next inbox
	c := newConsumer(t, s, group, topic, "*", collect(&in))
	eventually(t, "first message", func() bool { return in.count("old") == 1 })
	// The client notes what a handler returned some time after that, and at its end sends the offsets of what it has
	// noted: so its offset is awaited first, which it sends every five seconds.
	eventually(t, "committed offset", func() bool {
		return s.offset(remoting.QueryConsumerOffset, map[string]string{"consumerGroup": group, "topic": topic, "queueId": "0"}) == 1
	})
	if err := c.Shutdown(); err != nil {
		t.Fatal(err)
	}
	send(t, p, primitive.NewMessage(topic, []byte("new")))
	newConsumer(t, s, group, topic, "*", collect(&next))
	eventually(t, "message sent in between", func() bool { return next.count("new") == 1 })
	if n := next.count("old"); n != 0 {
		t.Errorf("the consumed message came again %d times", n)
	}
}

func TestConformanceOrderlyConsumer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("steps", 1), s.consumerGroup("readers")
	p := newProducer(t, s)
	for _, body := range []string{"1", "2", "3", "4", "5"} {
		send(t, p, primitive.NewMessage(topic, []byte(body)))
	}
	var in inbox
	newConsumer(t, s, group, topic, "*", collect(&in), consumer.WithConsumerOrder(true))
	eventually(t, "all steps", func() bool { return in.len() >= 5 })
	got := ""
	for _, m := range in.messages() {
		got += string(m.Body)
	}
	if got != "12345" {
		t.Errorf("order %s", got)
	}
}

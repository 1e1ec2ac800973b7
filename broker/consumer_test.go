//go:build !race

// The tests of this file start a push consumer of rocketmq-client-go v2.1.2,
// which has a data race of its own at start-up (SubscriptionData.SubVersion is
// written by messageQueueChanged while the heartbeat copies it, issue 961 of
// the client). Under the race detector they would fail for that and nothing else.

package broker_test

import (
	"context"
	"sync"
	"testing"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker"
)

// inbox collects what a consumer has received.
type inbox struct {
	mu   sync.Mutex
	list []*primitive.MessageExt
}

func (i *inbox) add(m *primitive.MessageExt) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.list = append(i.list, m)
}

func (i *inbox) messages() []*primitive.MessageExt {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]*primitive.MessageExt(nil), i.list...)
}

func (i *inbox) len() int { return len(i.messages()) }

func (i *inbox) count(body string) int {
	n := 0
	for _, m := range i.messages() {
		if string(m.Body) == body {
			n++
		}
	}
	return n
}

// newConsumer starts a push consumer whose handler is handle.
func newConsumer(t testing.TB, b *broker.Broker, group, topic, tags string,
	handle func(*primitive.MessageExt) consumer.ConsumeResult, opts ...consumer.Option,
) rocketmq.PushConsumer {
	t.Helper()
	all := append([]consumer.Option{
		consumer.WithNsResolver(resolver(b)), consumer.WithGroupName(group),
		consumer.WithInstance(newInstance("consumer")), consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	}, opts...)
	c, err := rocketmq.NewPushConsumer(all...)
	if err != nil {
		t.Fatalf("new consumer: %v", err)
	}
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: tags}
	err = c.Subscribe(topic, selector, func(_ context.Context, list ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		result := consumer.ConsumeSuccess
		for _, m := range list {
			if r := handle(m); r != consumer.ConsumeSuccess {
				result = r
			}
		}
		return result, nil
	})
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
	if err := c.Start(); err != nil {
		t.Fatalf("start consumer: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Shutdown(); err != nil {
			t.Logf("stop consumer: %v", err)
		}
	})
	return c
}

// collect returns a handler that puts everything into an inbox and accepts it.
func collect(in *inbox) func(*primitive.MessageExt) consumer.ConsumeResult {
	return func(m *primitive.MessageExt) consumer.ConsumeResult {
		in.add(m)
		return consumer.ConsumeSuccess
	}
}

func TestConsumerReceivesWhatIsSentBeforeAndAfterItStarts(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "orders", 4)
	p := newProducer(t, b)
	send(t, p, primitive.NewMessage("orders", []byte("before")))

	var in inbox
	newConsumer(t, b, "readers", "orders", "*", collect(&in))
	eventually(t, "message from before the start", func() bool { return in.count("before") == 1 })
	send(t, p, primitive.NewMessage("orders", []byte("after")))
	eventually(t, "message from after the start", func() bool { return in.count("after") == 1 })
}

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
	"time"

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
func newConsumer(t testing.TB, b server, group, topic, tags string,
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

func TestConsumerFiltersByTag(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "colours", 2)
	var in inbox
	newConsumer(t, b, "readers", "colours", "red || blue", collect(&in))
	p := newProducer(t, b)
	for range 5 {
		for _, tag := range []string{"green", "red", "blue"} {
			send(t, p, primitive.NewMessage("colours", []byte(tag)).WithTag(tag))
		}
	}
	eventually(t, "wanted messages", func() bool { return in.len() == 10 })
	if in.count("green") != 0 || in.count("red") != 5 || in.count("blue") != 5 {
		t.Errorf("%d green, %d red, %d blue", in.count("green"), in.count("red"), in.count("blue"))
	}
}

func TestConsumerReceivesWhatWasCommitted(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "stock", 2)
	var in inbox
	newConsumer(t, b, "readers", "stock", "*", collect(&in))
	p := newTransactionProducer(t, b, "sellers", listener{execute: always(primitive.CommitMessageState)})
	if _, err := p.SendMessageInTransaction(context.Background(), primitive.NewMessage("stock", []byte("sold"))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "committed message", func() bool { return in.count("sold") == 1 })
	if m := in.messages()[0]; m.GetProperty("TRAN_MSG") != "true" || m.PreparedTransactionOffset == m.CommitLogOffset {
		t.Errorf("received %v", m)
	}
}

func TestConsumerRetriesUntilTheDeadLetters(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "orders", 1)
	// The client looks its retry topic up before its first heartbeat creates it.
	newTopic(t, b, "%RETRY%readers", 1)
	var in inbox
	newConsumer(t, b, "readers", "orders", "*", func(m *primitive.MessageExt) consumer.ConsumeResult {
		in.add(m)
		return consumer.ConsumeRetryLater
	}, consumer.WithMaxReconsumeTimes(2))
	send(t, newProducer(t, b), primitive.NewMessage("orders", []byte("poison")))
	for n := 1; n <= 3; n++ {
		eventually(t, "delivery", func() bool { return in.len() == n })
		if n < 3 {
			eventually(t, "send back", func() bool { return b.PendingDelays() == 1 })
			b.Advance(31 * time.Second)
		}
	}
	eventually(t, "dead letter", func() bool { return len(b.Messages("%DLQ%readers")) == 1 })
	for n, m := range in.messages() {
		if int(m.ReconsumeTimes) != n || m.Topic != "orders" {
			t.Errorf("delivery %d: reconsumed %d times, topic %s", n, m.ReconsumeTimes, m.Topic)
		}
	}
	if m := b.Messages("%DLQ%readers")[0]; m.ReconsumeTimes != 3 || string(m.Body) != "poison" {
		t.Errorf("dead letter: %+v", m)
	}
}

func TestTwoConsumersShareTheQueues(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "shared", 4)
	p := newProducer(t, b)
	var one, two inbox
	first := newConsumer(t, b, "readers", "shared", "*", collect(&one))
	newConsumer(t, b, "readers", "shared", "*", collect(&two))
	sent := 0
	// The notice of the new member makes the first give up queues at once.
	eventually(t, "both consumers to receive", func() bool {
		send(t, p, primitive.NewMessage("shared", []byte("x")))
		sent++
		return one.len() > 0 && two.len() > 0
	})
	if err := first.Shutdown(); err != nil {
		t.Fatal(err)
	}
	before := two.len()
	for range 8 {
		send(t, p, primitive.NewMessage("shared", []byte("y")))
	}
	eventually(t, "the second consumer to take over", func() bool { return two.count("y") == 8 && two.len() > before })
}

func TestBroadcastingReachesEveryConsumer(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "news", 2)
	var one, two inbox
	for _, in := range []*inbox{&one, &two} {
		newConsumer(t, b, "readers", "news", "*", collect(in), consumer.WithConsumerModel(consumer.BroadCasting))
	}
	p := newProducer(t, b)
	for range 4 {
		send(t, p, primitive.NewMessage("news", []byte("x")))
	}
	eventually(t, "all messages at both", func() bool { return one.len() >= 4 && two.len() >= 4 })
}

func TestConsumerMeetsDuplicates(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "orders", 1)
	b.DeliverTwice(true)
	var in inbox
	newConsumer(t, b, "readers", "orders", "*", collect(&in))
	send(t, newProducer(t, b), primitive.NewMessage("orders", []byte("x")))
	eventually(t, "second delivery", func() bool { return in.count("x") == 2 })
}

func TestConsumerGoesOnWhereTheGroupStopped(t *testing.T) {
	dir := t.TempDir()
	b := broker.RunT(t, broker.WithDataDir(dir))
	newTopic(t, b, "orders", 1)
	p := newProducer(t, b)
	send(t, p, primitive.NewMessage("orders", []byte("old")))
	var in inbox
	c := newConsumer(t, b, "readers", "orders", "*", collect(&in))
	eventually(t, "first message", func() bool { return in.count("old") == 1 })
	if err := c.Shutdown(); err != nil { // sends the offsets
		t.Fatal(err)
	}
	eventually(t, "committed offset", func() bool { return b.ConsumerLag("readers", "orders") == 0 })
	send(t, p, primitive.NewMessage("orders", []byte("new")))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := reopen(t, dir)
	var next inbox
	newConsumer(t, again, "readers", "orders", "*", collect(&next))
	eventually(t, "message sent in between", func() bool { return next.count("new") == 1 })
	if n := next.count("old"); n != 0 {
		t.Errorf("the consumed message came again %d times", n)
	}
}

func TestOrderlyConsumerKeepsTheOrder(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "steps", 1)
	p := newProducer(t, b)
	for _, body := range []string{"1", "2", "3", "4", "5"} {
		send(t, p, primitive.NewMessage("steps", []byte(body)))
	}
	var in inbox
	newConsumer(t, b, "readers", "steps", "*", collect(&in), consumer.WithConsumerOrder(true))
	eventually(t, "all steps", func() bool { return in.len() >= 5 })
	got := ""
	for _, m := range in.messages() {
		got += string(m.Body)
	}
	if got != "12345" {
		t.Errorf("order %s", got)
	}
}

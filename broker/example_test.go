package broker_test

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/broker"
)

// newExampleProducer is a producer as a program makes it.
func newExampleProducer(nameServer, instance string) (rocketmq.Producer, error) {
	p, err := rocketmq.NewProducer(
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{nameServer})),
		producer.WithInstanceName(instance),
		producer.WithRetry(0),
	)
	if err != nil {
		return nil, err
	}
	return p, p.Start()
}

// A program that sends a delayed message is tested without waiting.
func ExampleBroker_Advance() {
	b, err := broker.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = b.Close() }()
	p, err := newExampleProducer(b.Addr(), "advance")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = p.Shutdown() }()
	reminder := primitive.NewMessage("reminders", []byte("pay now")).WithDelayTimeLevel(14) // 10 minutes
	if _, err := p.SendSync(context.Background(), reminder); err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println(len(b.Messages("reminders")), "after 0 minutes")
	b.Advance(10*time.Minute + time.Second)
	fmt.Println(len(b.Messages("reminders")), "after 10 minutes")
	// Output:
	// 0 after 0 minutes
	// 1 after 10 minutes
}

// A send fails as the test says, and the next one does not.
func ExampleBroker_Intercept() {
	b, err := broker.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = b.Close() }()
	p, err := newExampleProducer(b.Addr(), "intercept")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = p.Shutdown() }()

	remove := b.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
		return broker.Fail(broker.MessageIllegal, "no "+string(r.Body))
	})
	_, err = p.SendSync(context.Background(), primitive.NewMessage("orders", []byte("popcorn")))
	fmt.Println("sent:", err == nil, len(b.Messages("orders")))
	remove()
	_, err = p.SendSync(context.Background(), primitive.NewMessage("orders", []byte("popcorn")))
	fmt.Println("sent:", err == nil, len(b.Messages("orders")))
	// Output:
	// sent: false 0
	// sent: true 1
}

// seller answers for half messages: it never knows at first, and commits when it is asked.
type seller struct{}

func (seller) ExecuteLocalTransaction(*primitive.Message) primitive.LocalTransactionState {
	return primitive.UnknowState
}

func (seller) CheckLocalTransaction(*primitive.MessageExt) primitive.LocalTransactionState {
	return primitive.CommitMessageState
}

// A half message that is in doubt is checked back at once, not after seconds.
func ExampleBroker_CheckNow() {
	b, err := broker.New(broker.WithTransactionTimeout(time.Millisecond), broker.WithTransactionCheckMax(1000))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = b.Close() }()
	p, err := rocketmq.NewTransactionProducer(seller{},
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{b.Addr()})),
		producer.WithInstanceName("check"), producer.WithGroupName("sellers"),
	)
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = p.Shutdown() }()
	if _, err := p.SendMessageInTransaction(context.Background(), primitive.NewMessage("orders", []byte("one"))); err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println("in doubt:", len(b.HalfMessages()), "to be read:", len(b.Messages("orders")))
	for len(b.Messages("orders")) == 0 || len(b.HalfMessages()) > 0 { // until the producer is known, and its answer is there
		b.CheckNow()
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Println("in doubt:", len(b.HalfMessages()), "to be read:", len(b.Messages("orders")))
	// Output:
	// in doubt: 1 to be read: 0
	// in doubt: 0 to be read: 1
}

// The proxy brings the same hooks to a RocketMQ that runs elsewhere; here another embedded broker stands for it.
func ExampleStartProxy() {
	real, err := broker.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = real.Close() }()
	proxy, err := broker.StartProxy(real.Addr())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = proxy.Close() }()
	p, err := newExampleProducer(proxy.Addr(), "proxy")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = p.Shutdown() }()

	remove := proxy.Intercept(broker.SendMessage, func(*broker.Request) broker.Verdict {
		return broker.Fail(broker.MessageIllegal, "stopped on the way")
	})
	_, err = p.SendSync(context.Background(), primitive.NewMessage("orders", []byte("one")))
	fmt.Println("sent:", err == nil, "stored:", len(real.Messages("orders")))
	remove()
	_, err = p.SendSync(context.Background(), primitive.NewMessage("orders", []byte("one")))
	fmt.Println("sent:", err == nil, "stored:", len(real.Messages("orders")))
	// Output:
	// sent: false stored: 0
	// sent: true stored: 1
}

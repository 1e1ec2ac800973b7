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

// A program that sends a delayed message is tested without waiting.
func Example() {
	b, err := broker.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = b.Close() }()

	p, err := rocketmq.NewProducer(
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{b.Addr()})),
		producer.WithInstanceName("example"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := p.Start(); err != nil {
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

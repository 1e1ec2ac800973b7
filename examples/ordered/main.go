// Ordered: what happens to one order arrives in the sequence in which it happened.
//
// A topic has several queues, and RocketMQ keeps the sequence inside of a queue. So whatever must not overtake gets the same
// sharding key: here the order's number, by which the sender picks the queue. Orders in different
// queues are handled side by side, so a whole topic in one sequence, which one queue would give, is seldom worth its price.
// (There are four queues here: of five orders at least two share one.) The reader asks for an orderly consumer: it takes one
// message of a queue at a time. When one fails the queue stands still, with all orders in it, so that the next does not
// overtake it either, until it is done or has been tried as often as the group says. Then it is put aside (see
// examples/deadletter), and the next comes without it; by default it is tried for ever, and the queue stands still as long.
//
// Watch: the steps of three orders are sent in turn, each order's steps come in their sequence, and the shipping of order 2
// waits for its payment, which fails once. (The reader comes after the steps, and gets them since site sets
// ConsumeFromFirstOffset, as examples/hello does.)
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/examples/internal/site"
)

// step is one thing that happened to an order.
type step struct{ order, what string }

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic, group := site.Name(namesrv, "order-steps"), site.Name(namesrv, "tracking")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	p, err := s.NewProducer("shop", producer.WithQueueSelector(producer.NewHashQueueSelector()))
	if err != nil {
		return err
	}
	orders := []string{"order 1", "order 2", "order 3"}
	for _, what := range []string{"created", "paid", "shipped"} {
		for _, order := range orders {
			m := primitive.NewMessage(topic, []byte(what)).WithShardingKey(order)
			if _, err := p.SendSync(context.Background(), m); err != nil { // one after the other: two at once have no sequence
				return err
			}
		}
	}
	fmt.Fprintln(out, "sent in turn: created, paid and shipped of", strings.Join(orders, ", "))

	steps := make(chan step, 64)
	var failed atomic.Bool
	track := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		order, what := messages[0].GetShardingKey(), string(messages[0].Body)
		if order == "order 2" && what == "paid" && failed.CompareAndSwap(false, true) {
			steps <- step{order, "paid fails"}
			return consumer.SuspendCurrentQueueAMoment, nil
		}
		steps <- step{order, what}
		return consumer.ConsumeSuccess, nil
	}
	_, err = s.NewConsumer(group, topic, consumer.MessageSelector{}, track,
		consumer.WithConsumerOrder(true), consumer.WithMaxReconsumeTimes(16)) // by default for ever
	if err != nil {
		return err
	}
	happened := map[string][]string{}
	for shipped := 0; shipped < len(orders); {
		one, err := site.Receive(steps)
		if err != nil {
			return err
		}
		happened[one.order] = append(happened[one.order], one.what)
		if one.what == "shipped" {
			shipped++
		}
	}
	for _, order := range orders {
		fmt.Fprintf(out, "%s: %s\n", order, strings.Join(happened[order], ", "))
	}
	return nil
}

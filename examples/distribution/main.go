// Distribution: A takes orders, and B (stock), C (points) and D (delivery) each get every one, as groups of their own.
//
// Watch: order 2 comes while D's courier is away. A has answered, B and C have done their part, and D alone tries again
// (10 seconds later, then 30) until it catches up. Order 3 goes to an address that does not exist: at the third try D says
// so in a message, and B and C take back what they did. The embedded broker's clock is put forward meanwhile.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/examples/internal/site"
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic := site.Name(namesrv, "orders")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	a, err := rocketmq.NewProducer(producer.WithNsResolver(s.Resolver()), producer.WithInstanceName(s.Instance("a")))
	if err == nil {
		err = a.Start()
	}
	if err != nil {
		return fmt.Errorf("start A: %w", err)
	}
	defer func() { _ = a.Shutdown() }()
	send := func(what, order string) error {
		_, err := a.SendSync(context.Background(), primitive.NewMessage(topic, []byte(order)).WithTag(what))
		return err
	}
	var courier atomic.Bool // whether it is there
	deliver := func(m *primitive.MessageExt) (did string, ok bool) {
		switch order := string(m.Body); {
		case order == "2" && !courier.Load(), order == "3" && m.ReconsumeTimes < 2:
			return "will try again", false
		case order == "3":
			return "gave up", send("undeliverable", order) == nil
		}
		return "shipped", true
	}
	sell := func(*primitive.MessageExt) (string, bool) { return "sold", true }
	credit := func(*primitive.MessageExt) (string, bool) { return "gave points", true }
	noted := make(chan string, 1000)
	for name, work := range map[string]work{"B": sell, "C": credit, "D": deliver} {
		c, err := follow(s, topic, site.Name(namesrv, name), name, work, noted)
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		defer func() { _ = c.Shutdown() }()
	}
	known := make(map[string]bool) // a set: a message may come twice
	wait := func(lines ...string) error {
		for _, line := range lines {
			for !known[line] {
				select {
				case did := <-noted:
					known[did] = true
				case <-time.After(30 * time.Second):
					return errors.New("did not happen: " + line)
				}
			}
			fmt.Fprintln(out, line)
		}
		return nil
	}
	err = errors.Join(send("placed", "1"), wait("order 1: B sold", "order 1: C gave points", "order 1: D shipped"),
		send("placed", "2"), wait("order 2: B sold", "order 2: C gave points", "order 2: D will try again"))
	courier.Store(true)
	return errors.Join(err, s.Pass(10*time.Second), wait("order 2: D shipped"),
		send("placed", "3"), wait("order 3: B sold", "order 3: C gave points", "order 3: D will try again"),
		s.Pass(10*time.Second), s.Pass(30*time.Second),
		wait("order 3: D gave up", "order 3: B took back", "order 3: C took back"))
}

// work is a service's part of an order; one that fails is done again later.
type work func(m *primitive.MessageExt) (did string, ok bool)

// follow starts a service that does its part of each order, and takes it back when the order is undeliverable.
func follow(s *site.Site, topic, group, name string, do work, noted chan<- string) (rocketmq.PushConsumer, error) {
	if err := s.Groups(group); err != nil {
		return nil, err
	}
	c, err := rocketmq.NewPushConsumer(consumer.WithNsResolver(s.Resolver()), consumer.WithInstance(s.Instance(group)),
		consumer.WithGroupName(group), consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	if err != nil {
		return nil, err
	}
	each := func(_ context.Context, list ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, m := range list {
			did, ok := "took back", true
			if m.GetTags() == "placed" {
				did, ok = do(m)
			}
			noted <- fmt.Sprintf("order %s: %s %s", m.Body, name, did)
			if !ok {
				return consumer.ConsumeRetryLater, nil
			}
		}
		return consumer.ConsumeSuccess, nil
	}
	if err := c.Subscribe(topic, consumer.MessageSelector{}, each); err != nil {
		return nil, err
	}
	return c, c.Start()
}

// Boundedqueue sells three tickets by a queue of three places: a buyer is told at once "a place", "sold out" or "ended".
// First the queue is a Go channel, then one queue of a RocketMQ topic; both have the same face.
//
// Watch where the channel stops being enough: a second office has a channel of its own and promises a fourth ticket, and
// what is promised goes with the processes. In the topic the broker counts: a message's offset is its place, in one line
// for all offices, and a worker that starts later finds it. Limits per buyer and returned tickets want a database (stock/).
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/examples/internal/site"
)

const tickets = 3

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	first, second := make(chan string, tickets), make(chan string, tickets)
	sell(out, "channel", inChannel(first), inChannel(second))
	fmt.Fprintf(out, "channel: %d places are promised, and gone with the processes\n", len(first)+len(second))
	topic := site.Name(namesrv, "line")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	p, err := rocketmq.NewProducer(producer.WithNsResolver(s.Resolver()), producer.WithInstanceName(s.Instance("office")),
		producer.WithQueueSelector(producer.NewHashQueueSelector()), // one sharding key, one queue
		producer.WithRetry(0)) // what is sent again would take two places
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		return fmt.Errorf("start producer: %w", err)
	}
	defer func() { _ = p.Shutdown() }()
	inTopic := func(buyer string) (bool, error) {
		sent, err := p.SendSync(context.Background(), primitive.NewMessage(topic, []byte(buyer)).WithShardingKey("line"))
		return err == nil && sent.QueueOffset < tickets, err
	}
	sell(out, "topic", inTopic, inTopic) // an office keeps nothing of its own
	found, err := work(s, topic)
	fmt.Fprintf(out, "topic: a worker that starts later finds %v\n", found)
	return err
}

// join asks a queue for a place; place is false when all are taken.
type join func(buyer string) (place bool, err error)

func inChannel(line chan<- string) join {
	return func(buyer string) (bool, error) {
		select {
		case line <- buyer:
			return true, nil
		default:
			return false, nil
		}
	}
}

// sell has two offices sell, each in a process of its own, until the sale ends.
func sell(out io.Writer, kind string, one, two join) {
	ended := false
	ask := func(buyer string, queue join) {
		answer := "a place"
		if ended {
			answer = "ended"
		} else if place, err := queue(buyer); err != nil {
			answer = "ask again, " + err.Error()
		} else if !place {
			answer = "sold out"
		}
		fmt.Fprintf(out, "%s: %s: %s\n", kind, buyer, answer)
	}
	for _, buyer := range []string{"ann", "ben", "cat", "dan"} {
		ask(buyer, one)
	}
	ask("eve, elsewhere", two)
	ended = true
	ask("fay", one)
}

// work finds the buyers who have a place; for each there would be an order.
func work(s *site.Site, topic string) (map[int64]string, error) {
	c, err := rocketmq.NewPushConsumer(consumer.WithNsResolver(s.Resolver()), consumer.WithInstance(s.Instance("worker")),
		consumer.WithGroupName(topic+"-worker"), consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Shutdown() }()
	line := make(chan *primitive.MessageExt, 100)
	err = c.Subscribe(topic, consumer.MessageSelector{}, func(_ context.Context, list ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		line <- list[0] // the client's default is one at a time
		return consumer.ConsumeSuccess, nil
	})
	if err == nil {
		err = c.Start()
	}
	places := make(map[int64]string)
	for err == nil && len(places) < tickets {
		select {
		case m := <-line:
			if m.QueueOffset < tickets {
				places[m.QueueOffset] = string(m.Body)
			}
		case <-time.After(30 * time.Second):
			err = fmt.Errorf("%d places came, %d were taken", len(places), tickets)
		}
	}
	return places, err
}

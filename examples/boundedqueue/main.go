// Boundedqueue: whoever asks a queue for one of three places is told at once, "sold out" or "ended" if there is none.
//
// First the queue is a Go channel. Then it is one queue of a RocketMQ topic, with the same face: a message's offset, which
// the broker gives out one by one, is the place in the line, and from the fourth on it is sold out.
//
// Watch: the channel stops being enough. A second box office has one of its own, and promises a ticket that does not exist;
// and what is in it goes with its process. The topic is one line for all, and a worker that starts later finds the buyers
// (site sets ConsumeFromFirstOffset). Limits per buyer, or tickets that come back, need more than a line: a database (stock/).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/examples/internal/site"
)

const tickets = 3

// queue is the face of both.
type queue interface {
	join(sale context.Context, buyer string) (answer string)
	buyers() ([]string, error) // whom a worker finds
}

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic := site.Name(namesrv, "line")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	p, err := s.NewProducer("offices", producer.WithRetry(0), // what is sent again would take two places
		producer.WithQueueSelector(producer.NewHashQueueSelector())) // one sharding key, one queue
	if err != nil {
		return err
	}
	return errors.Join(sell(out, "channel", func() queue { return make(inMemory, tickets) }),
		sell(out, "topic", func() queue { return inTopic{s, p, topic} }))
}

// sell has two box offices sell, each in a process of its own, and then a third process look for the buyers.
func sell(out io.Writer, kind string, open func() queue) error {
	first, second := open(), open()
	sale, end := context.WithCancel(context.Background())
	for _, buyer := range []string{"ann", "ben", "cat", "dan"} {
		fmt.Fprintf(out, "%s, first office: %s: %s\n", kind, buyer, first.join(sale, buyer))
	}
	fmt.Fprintf(out, "%s, second office: eve: %s\n", kind, second.join(sale, "eve"))
	end()
	fmt.Fprintf(out, "%s, second office: fay: %s\n", kind, second.join(sale, "fay"))
	found, err := open().buyers()
	fmt.Fprintf(out, "%s, in a process that starts later: the buyers are %v\n", kind, found)
	return err
}

type inMemory chan string

func (q inMemory) join(sale context.Context, buyer string) string {
	if sale.Err() != nil {
		return "ended"
	}
	select {
	case q <- buyer:
		return "a place"
	default:
		return "sold out"
	}
}

func (q inMemory) buyers() (list []string, _ error) {
	for len(q) > 0 {
		list = append(list, <-q)
	}
	return list, nil
}

type inTopic struct {
	site  *site.Site
	p     rocketmq.Producer
	topic string
}

func (q inTopic) join(sale context.Context, buyer string) string {
	if sale.Err() != nil {
		return "ended"
	}
	sent, err := q.p.SendSync(sale, primitive.NewMessage(q.topic, []byte(buyer)).WithShardingKey("the line"))
	switch {
	case err != nil:
		return "nobody knows: " + err.Error()
	case sent.QueueOffset >= tickets:
		return "sold out"
	}
	return "a place"
}

func (q inTopic) buyers() ([]string, error) {
	found := make(chan string, 1024)
	handle := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		if messages[0].QueueOffset < tickets {
			found <- string(messages[0].Body)
		}
		return consumer.ConsumeSuccess, nil
	}
	if _, err := q.site.NewConsumer(q.topic+"-workers", q.topic, consumer.MessageSelector{}, handle); err != nil {
		return nil, err
	}
	return site.ReceiveSet(found, tickets)
}

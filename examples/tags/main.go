// Tags: each reader of a topic says which kinds of messages it wants.
//
// A tag is one word on a message. The broker sends a group only what its selector names, so that what nobody wants does not
// travel; it compares hashes of tags, so the client looks once more. What a reader gets does not tell which of the two has
// kept the rest away: TestConformanceTags in broker/ asks the broker alone. One topic with tags is right where the messages
// belong together, such as what happens to orders; things that have nothing to do with each other, or that come in very
// different numbers, are better on topics of their own.
//
// All members of a group must select the same: the broker knows one selector for each group, and what the others want
// would be lost to them.
//
// Watch: one message of each kind is sent, and each reader gets what it has named. They lie in one queue and are read
// one at a time, so that with "paid", the last, all has come. (The groups are newer than the messages: site sets
// ConsumeFromFirstOffset, as examples/hello does; by default a new group begins after what is there.)
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

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
	p, err := s.NewProducer("shop", producer.WithQueueSelector(producer.NewHashQueueSelector()))
	if err != nil {
		return err
	}
	for _, tag := range []string{"created", "cancelled", "paid"} {
		m := primitive.NewMessage(topic, []byte("order 1")).WithTag(tag).WithShardingKey("order 1")
		if _, err := p.SendSync(context.Background(), m); err != nil {
			return err
		}
	}

	for _, reader := range []struct{ group, tags string }{
		{"tickets", "paid"}, {"accounting", "paid || cancelled"}, {"audit", "*"},
	} {
		got := make(chan string, 16)
		read := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			got <- messages[0].GetTags()
			return consumer.ConsumeSuccess, nil
		}
		selector := consumer.MessageSelector{Type: consumer.TAG, Expression: reader.tags}
		_, err := s.NewConsumer(site.Name(namesrv, reader.group), topic, selector, read, consumer.WithConsumeGoroutineNums(1))
		if err != nil {
			return err
		}
		var tags []string
		for !slices.Contains(tags, "paid") {
			tag, err := site.Receive(got)
			if err != nil {
				return err
			}
			tags = append(tags, tag)
		}
		fmt.Fprintf(out, "%s selects %q and gets: %s\n", reader.group, reader.tags, strings.Join(tags, ", "))
	}
	return nil
}

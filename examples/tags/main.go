// Tags: each reader of a topic says which kinds of messages it wants.
//
// A tag is one word on a message. The broker sends a group only what its selector names, so that what nobody wants does not
// travel. One topic with tags is right where the messages belong together, such as what happens to orders; things that have
// nothing to do with each other, or that come in very different numbers, are better on topics of their own.
//
// All members of a group must select the same: the broker knows one selector for each group, and what the others want
// would be lost to them.
//
// Watch: one message of each kind is sent, and each reader gets what it has named.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

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
	p, err := s.NewProducer("shop")
	if err != nil {
		return err
	}
	for _, tag := range []string{"created", "paid", "cancelled"} {
		if _, err := p.SendSync(context.Background(), primitive.NewMessage(topic, []byte("order 1")).WithTag(tag)); err != nil {
			return err
		}
	}

	var unwanted []<-chan string
	for _, reader := range []struct {
		group, tags string
		wants       int
	}{
		{"tickets", "paid", 1}, {"accounting", "paid || cancelled", 2}, {"audit", "*", 3},
	} {
		got := make(chan string, 16)
		read := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			got <- messages[0].GetTags()
			return consumer.ConsumeSuccess, nil
		}
		selector := consumer.MessageSelector{Type: consumer.TAG, Expression: reader.tags}
		if _, err := s.NewConsumer(site.Name(namesrv, reader.group), topic, selector, read); err != nil {
			return err
		}
		tags, err := site.ReceiveSet(got, reader.wants)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s selects %q and gets: %s\n", reader.group, reader.tags, strings.Join(tags, ", "))
		unwanted = append(unwanted, got)
	}
	for _, more := range unwanted {
		if len(more) > 0 {
			return fmt.Errorf("a reader got more than it has named: %s", <-more)
		}
	}
	return nil
}

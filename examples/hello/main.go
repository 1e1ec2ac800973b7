// Hello: one program sends a message, another gets it.
//
// The sender knows a topic and nobody who reads it. SendSync returns when the broker has stored the message; who reads it,
// how many they are, and whether they run at that moment is no concern of the sender's. The reader belongs to a consumer
// group, whose place in the topic the broker remembers: with ConsumeSuccess the reader says that it has done its work.
//
// Watch: the first message is sent before any reader runs, and it is there when one starts.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/examples/internal/site"
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic, group := site.Name(namesrv, "greetings"), site.Name(namesrv, "readers")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()

	p, err := rocketmq.NewProducer(
		producer.WithNsResolver(s.Resolver()),
		producer.WithGroupName("senders"),
		producer.WithInstanceName(s.Instance("sender")),
	)
	if err != nil {
		return err
	}
	if err := p.Start(); err != nil {
		return err
	}
	defer func() { _ = p.Shutdown() }()
	if _, err := p.SendSync(context.Background(), primitive.NewMessage(topic, []byte("hello, whoever you are"))); err != nil {
		return err
	}
	fmt.Fprintln(out, "sent: hello, whoever you are")

	if err := s.Groups(group); err != nil {
		return err
	}
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNsResolver(s.Resolver()),
		consumer.WithGroupName(group),
		consumer.WithInstance(s.Instance("reader")),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset), // a new group reads all that is there
	)
	if err != nil {
		return err
	}
	got := make(chan string, 16)
	read := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, m := range messages {
			got <- string(m.Body)
		}
		return consumer.ConsumeSuccess, nil
	}
	if err := c.Subscribe(topic, consumer.MessageSelector{}, read); err != nil { // before Start, not after
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	defer func() { _ = c.Shutdown() }()
	first, err := site.Receive(got)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "a reader has started, and got:", first)

	if _, err := p.SendSync(context.Background(), primitive.NewMessage(topic, []byte("hello, reader"))); err != nil {
		return err
	}
	second, err := site.Receive(got)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "sent again, and got:", second)
	return nil
}

// Duplicategroup: what "producer group has been created" means, and "consumer group has been created".
//
// A group is the name of a role: all processes of a service have the same. Inside one process the client keeps one set of
// connections for each instance name, and on it each group once. Whoever makes a second producer or consumer of the group,
// mostly one for each request, gets this error from Start. It says nothing about other processes, nor about the broker.
//
// There are two cures. A producer is safe for many goroutines: make one when the process starts, and use it for all. And
// where two are meant, such as two members of a consumer group in one process, each gets an instance name of its own.
//
// Watch: the second of each kind is refused and leaves the first as it is; with another instance name it starts. Do not
// shut down the one that was refused: that would take away the group of the first.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	rocketmqerrors "github.com/apache/rocketmq-client-go/v2/errors"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/examples/internal/site"
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic, group := site.Name(namesrv, "orders"), site.Name(namesrv, "readers")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if err := s.Groups(group); err != nil {
		return err
	}
	one, two := s.Instance("one"), s.Instance("two")

	first, err := start(out, "a producer", newProducer(s, one))
	if err != nil {
		return err
	}
	defer func() { _ = first.Shutdown() }()
	if _, err := start(out, "another producer of its group", newProducer(s, one)); err != nil {
		return err
	}
	if _, err := first.SendSync(context.Background(), primitive.NewMessage(topic, []byte("order 1"))); err != nil {
		return err
	}
	fmt.Fprintln(out, "the first producer still sends")
	third, err := start(out, "another producer with an instance name of its own", newProducer(s, two))
	if err != nil {
		return err
	}
	defer func() { _ = third.Shutdown() }()

	for i, c := range []struct{ name, instance string }{
		{"a consumer", one}, {"another consumer of its group", one}, {"another consumer with an instance name of its own", two},
	} {
		made := func() (rocketmq.PushConsumer, error) { return newConsumer(s, group, topic, c.instance) }
		member, err := start(out, c.name, made)
		if err != nil {
			return err
		}
		if i != 1 { // which was refused
			defer func() { _ = member.Shutdown() }()
		}
	}
	return nil
}

// start says whether a client starts; that its group is there already is part of the scene.
func start[T interface{ Start() error }](out io.Writer, name string, made func() (T, error)) (T, error) {
	client, err := made()
	if err != nil {
		return client, err
	}
	err = client.Start()
	switch {
	case errors.Is(err, rocketmqerrors.ErrProducerCreated), errors.Is(err, rocketmqerrors.ErrCreated):
		fmt.Fprintf(out, "%s: refused, %v\n", name, err)
		return client, nil
	case err != nil:
		return client, err
	}
	fmt.Fprintf(out, "%s: started\n", name)
	return client, nil
}

func newProducer(s *site.Site, instance string) func() (rocketmq.Producer, error) {
	return func() (rocketmq.Producer, error) {
		return rocketmq.NewProducer(
			producer.WithNsResolver(s.Resolver()), producer.WithGroupName("shop"), producer.WithInstanceName(instance),
		)
	}
}

func newConsumer(s *site.Site, group, topic, instance string) (rocketmq.PushConsumer, error) {
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNsResolver(s.Resolver()), consumer.WithGroupName(group), consumer.WithInstance(instance),
	)
	if err != nil {
		return nil, err
	}
	read := func(context.Context, ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		return consumer.ConsumeSuccess, nil
	}
	return c, c.Subscribe(topic, consumer.MessageSelector{}, read)
}

// Distribution: A takes orders, and B, C and D each do their part of every one. D fails.
//
// B (stock), C (points) and D (delivery) are groups of their own: each gets every order, and what happens to one of them is
// nothing to A and the others. What may pass, D tries again: after 10 seconds, after 30 more, and so on. What will never
// work cannot be rolled back, because the others have committed long ago: D says in a message of its own that the order is
// undeliverable, and they take back what they did. Real ones note both by order: words come twice (examples/compensation), and
// to a B that is behind "undeliverable" may come before "placed", which it must then not sell any more.
//
// Watch: order 2 finds D's courier away for a moment, order 3 has an address that does not exist. (A real broker takes a minute.)
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
	p, err := s.NewProducer("office")
	if err != nil {
		return err
	}
	done := make(chan string, 1024)
	for _, service := range []struct {
		group, tags string
		handle      site.Handler
	}{
		{"b", "placed || undeliverable", part(done, "B sold", "B took its tickets back")},
		{"c", "placed || undeliverable", part(done, "C gave points", "C took its points back")},
		{"d", "placed", delivery(p, topic, done)},
	} {
		selector := consumer.MessageSelector{Type: consumer.TAG, Expression: service.tags}
		if _, err := s.NewConsumer(site.Name(namesrv, service.group), topic, selector, service.handle); err != nil {
			return err
		}
	}

	known := make(map[string]bool)
	for _, step := range []struct {
		order string        // A takes it,
		pass  time.Duration // or so much time passes,
		lines []string      // and then this is done
	}{
		{"1", 0, []string{"order 1: B sold", "order 1: C gave points", "order 1: D shipped"}},
		{"2", 0, []string{"order 2: B sold", "order 2: C gave points", "order 2: D failed, try 1"}},
		{"", 10 * time.Second, []string{"order 2: D shipped"}},
		{"3", 0, []string{"order 3: B sold", "order 3: C gave points", "order 3: D failed, try 1"}},
		{"", 10 * time.Second, []string{"order 3: D failed, try 2"}},
		{"", 30 * time.Second, []string{"order 3: D gave up", "order 3: B took its tickets back", "order 3: C took its points back"}},
	} {
		if step.order == "" {
			err = s.Pass(step.pass)
		} else {
			err = send(p, topic, step.order, "placed")
		}
		for _, line := range step.lines {
			for err == nil && !known[line] {
				did, failed := site.Receive(done)
				known[did], err = true, failed
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(out, line)
		}
	}
	return nil
}

func send(p rocketmq.Producer, topic, order, what string) error {
	_, err := p.SendSync(context.Background(), primitive.NewMessage(topic, []byte(order)).WithTag(what))
	return err
}

// part is a service that does its part of an order, or undoes it.
func part(done chan<- string, does, undoes string) site.Handler {
	return func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		did := map[string]string{"placed": does, "undeliverable": undoes}[messages[0].GetTags()]
		done <- "order " + string(messages[0].Body) + ": " + did
		return consumer.ConsumeSuccess, nil
	}
}

// delivery is D. The second order fails once, the third each time.
func delivery(p rocketmq.Producer, topic string, done chan<- string) site.Handler {
	return func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		order, try := string(messages[0].Body), messages[0].ReconsumeTimes+1
		switch {
		case order == "2" && try == 1, order == "3" && try < 3:
			done <- fmt.Sprintf("order %s: D failed, try %d", order, try)
			return consumer.ConsumeRetryLater, nil
		case order == "3":
			if err := send(p, topic, order, "undeliverable"); err != nil {
				return consumer.ConsumeRetryLater, err
			}
			done <- "order " + order + ": D gave up"
		default:
			done <- "order " + order + ": D shipped"
		}
		return consumer.ConsumeSuccess, nil
	}
}

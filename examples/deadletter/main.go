// Deadletter: a message that cannot be handled is tried again, put aside, and sent again when the cause is mended.
//
// A poisoned message fails each time: its price is in a currency that the program does not know. Trying it for ever would
// help nobody, and passing over it would lose an order. The broker repeats it with growing pauses, at most as often as the
// group says (16 times by default, over almost five hours; here 2), and then stores it in %DLQ%group, the dead letters of
// the group. Nobody reads those by themselves: somebody has to be told, to mend the cause and to send them again.
//
// A letter is sent again as a new message of its old topic, with its tag and keys: without the tag a group that selects by
// it would never see it. All groups of the topic get it once more, those too that have handled it long ago, and must know it
// by its key. (The operators' group is newer than the letter: site sets ConsumeFromFirstOffset, as examples/hello does.)
//
// Watch: order 2 is not held up by order 1; order 1 is dead after three tries; after the mending it is billed. On the
// embedded broker the pauses of 10 s and 30 s are over at once.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/examples/internal/site"
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic, group := site.Name(namesrv, "orders"), site.Name(namesrv, "billing")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()

	var mended atomic.Bool // the program knows the currency
	said := make(chan string, 16)
	bill := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		order := string(messages[0].Body)
		if strings.HasSuffix(order, "EUR") && !mended.Load() {
			said <- fmt.Sprintf("%s fails, try %d", order, messages[0].ReconsumeTimes+1)
			return consumer.ConsumeRetryLater, nil
		}
		said <- fmt.Sprintf("%s is billed, key %q", order, messages[0].GetKeys())
		return consumer.ConsumeSuccess, nil
	}
	placed := consumer.MessageSelector{Type: consumer.TAG, Expression: "placed"}
	if _, err := s.NewConsumer(group, topic, placed, bill, consumer.WithMaxReconsumeTimes(2)); err != nil {
		return err
	}
	p, err := s.NewProducer("shop")
	if err != nil {
		return err
	}
	for _, order := range []string{"order 1: 10 EUR", "order 2: 80 CNY"} {
		m := primitive.NewMessage(topic, []byte(order)).WithTag("placed").WithKeys([]string{order[:7]})
		if _, err := p.SendSync(context.Background(), m); err != nil {
			return err
		}
		if err := site.Tell(out, said); err != nil {
			return err
		}
	}
	for _, pause := range []time.Duration{10 * time.Second, 30 * time.Second} {
		if err := s.Pass(pause); err != nil {
			return err
		}
		fmt.Fprintln(out, pause, "later")
		if err := site.Tell(out, said); err != nil {
			return err
		}
	}

	letters := make(chan *primitive.MessageExt, 16)
	find := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		letters <- messages[0]
		return consumer.ConsumeSuccess, nil
	}
	if _, err := s.NewConsumer(site.Name(namesrv, "operators"), "%DLQ%"+group, consumer.MessageSelector{}, find); err != nil {
		return err
	}
	dead, err := site.Receive(letters)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "an operator finds a dead letter:", string(dead.Body))
	mended.Store(true)
	fmt.Fprintln(out, "the program is mended, and the letter is sent again")
	again := primitive.NewMessage(dead.GetProperty(primitive.PropertyRetryTopic), dead.Body).
		WithTag(dead.GetTags()).WithKeys(strings.Fields(dead.GetKeys())) // a new message, not the old one
	if _, err := p.SendSync(context.Background(), again); err != nil {
		return err
	}
	return site.Tell(out, said)
}

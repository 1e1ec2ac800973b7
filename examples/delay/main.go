// Delay: an order that nobody has paid for after ten seconds is cancelled.
//
// With each order goes a message to ourselves that comes later. Open source RocketMQ has eighteen delays, 1 s to 2 h, of
// which level 3 is 10 s; the broker keeps the message and shows it to nobody until then. It cannot be called back: so
// whoever gets it looks first whether the order is paid by now, and then there is nothing to do.
//
// Watch: nothing has come at once; after ten seconds both reminders come, and only the unpaid order is cancelled. On the
// embedded broker the ten seconds are over at once, because its clock is put forward.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/examples/internal/site"
)

const (
	level = 3 // of 1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h
	delay = 10 * time.Second
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic := site.Name(namesrv, "payment-due")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	due := make(chan string, 16)
	remind := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		due <- string(messages[0].Body)
		return consumer.ConsumeSuccess, nil
	}
	if _, err := s.NewConsumer(site.Name(namesrv, "cancellers"), topic, consumer.MessageSelector{}, remind); err != nil {
		return err
	}
	p, err := s.NewProducer("shop")
	if err != nil {
		return err
	}
	for _, order := range []string{"order 1", "order 2"} { // one by one: in a batch the broker would pass over the delay
		reminder := primitive.NewMessage(topic, []byte(order)).WithDelayTimeLevel(level)
		if _, err := p.SendSync(context.Background(), reminder); err != nil {
			return err
		}
		fmt.Fprintln(out, order, "is reserved, its reminder waits")
	}
	paid := map[string]bool{"order 1": true}
	fmt.Fprintln(out, "order 1 is paid")
	if len(due) > 0 {
		return errors.New("a reminder came at once")
	}

	if err := s.Pass(delay); err != nil {
		return err
	}
	reminders, err := site.ReceiveSet(due, 2)
	if err != nil {
		return err
	}
	for _, order := range reminders {
		if paid[order] {
			fmt.Fprintln(out, "10 s later:", order, "is paid, nothing to do")
		} else {
			fmt.Fprintln(out, "10 s later:", order, "is not paid, it is cancelled")
		}
	}
	return nil
}

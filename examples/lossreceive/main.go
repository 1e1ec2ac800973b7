// Lossreceive shows the third of three places where a message is lost: on its way from the broker, which never again gives
// a group what the group has acknowledged.
//
// Printers get orders 1 and 2, one at a time. Each loses its power while it is at order 2, and another one of its group
// takes over. The hasty one acknowledges an order as soon as it has it in its memory, and prints later. The careful one
// prints first, and acknowledges then: its group gets again what was not finished. Of the unlucky one the acknowledgement is
// lost, so its group also gets again what was finished, and order 1 is printed once only because the second printer knows
// it by its key. So: acknowledge (return ConsumeSuccess) after the work, never hand a message to a goroutine or a queue and
// return, and do work that may come twice. (The printers come after the orders, so site sets ConsumeFromFirstOffset.)
//
// Watch: nobody ever prints the hasty one's order 1; the unlucky one's comes to the second printer again.
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

	"boxoffice/broker"
	"boxoffice/examples/internal/site"
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	hasty, careful, unlucky := site.Name(namesrv, "hasty"), site.Name(namesrv, "careful"), site.Name(namesrv, "unlucky")
	s, err := site.Start(namesrv, hasty, careful, unlucky) // each printer has a topic and a group of its own
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	network, err := s.Faults()
	if err != nil {
		return err
	}
	loseFirst := func(r *broker.Request) broker.Verdict { // acknowledgement of the unlucky one; pulls carry it, too
		if r.Topic() == unlucky && r.Ext["commitOffset"] == "1" {
			return broker.Drop
		}
		return broker.Pass
	}
	network.Intercept(broker.UpdateConsumerOffset, loseFirst)
	network.Intercept(broker.PullMessage, loseFirst)
	till, err := s.NewProducer("till", producer.WithQueueSelector(producer.NewHashQueueSelector()))
	if err != nil {
		return err
	}
	for _, name := range []string{hasty, careful, unlucky} {
		for _, key := range []string{"1", "2"} {
			order := primitive.NewMessage(name, []byte("order "+key)).WithKeys([]string{key}).WithShardingKey("one queue")
			if _, err := till.SendSync(context.Background(), order); err != nil {
				return err
			}
		}
		notAcknowledged := map[string]int64{hasty: 1, careful: 1, unlucky: 2}[name]
		if err := powerFailure(s, out, name, name == hasty, notAcknowledged); err != nil {
			return err
		}
	}
	return nil
}

// powerFailure has one printer die at order 2, and another one of its group do what is left.
func powerFailure(s *site.Site, out io.Writer, name string, hasty bool, notAcknowledged int64) error {
	printed, busy, off := map[string]int{}, make(chan bool), make(chan bool)
	first, err := newPrinter(s, name, func(key string) {
		switch {
		case key == "2":
			busy <- true
			<-off
		case !hasty: // who has it in its memory only
			printed[key]++
		}
	})
	if err != nil {
		return err
	}
	defer close(off)
	if _, err := site.Receive(busy); err != nil {
		return err
	}
	if err := errors.Join(first.Shutdown(), s.AwaitLag(name, name, notAcknowledged)); err != nil {
		return err
	}

	again := make(chan string)
	second, err := newPrinter(s, name, func(key string) {
		if printed[key] == 0 { // else it is known
			printed[key]++
		}
		again <- key
	})
	if err != nil {
		return err
	}
	for key := ""; key != "2"; {
		if key, err = site.Receive(again); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: the second printer gets order %s\n", name, key)
	}
	fmt.Fprintf(out, "%s: prints of order 1: %d, of order 2: %d\n", name, printed["1"], printed["2"])
	return second.Shutdown()
}

// newPrinter starts a printer that has one order in work at a time, and acknowledges it when work returns.
func newPrinter(s *site.Site, name string, work func(key string)) (rocketmq.PushConsumer, error) {
	handle := func(_ context.Context, m ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		work(m[0].GetKeys())
		return consumer.ConsumeSuccess, nil
	}
	return s.NewConsumer(name, name, consumer.MessageSelector{}, handle, consumer.WithConsumeGoroutineNums(1))
}

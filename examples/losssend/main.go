// Losssend shows the first of three places where a message is lost: on its way to the broker.
//
// A till tells the mailer of three orders, over a network that loses the first try of each. Order 1 is sent one-way: nobody
// is told that it is lost. Order 2 is sent and waited for: no answer comes, the till tries again, and all is well. Of order
// 3 only the answer is lost, which looks the same to the till, so the mailer gets it twice. Two things heal this leg, and
// neither does without the other: the sender waits and tries again, and each message has a key, the order's number, by
// which the receiver knows it again. A real mailer has the key in a table, in the transaction of its work, because a map
// forgets at the next start.
//
// Watch: order 3 comes two times and is mailed once; order 1 never comes, and no error says so. (The mailer comes after the
// orders, and gets them since site sets ConsumeFromFirstOffset, as examples/hello does.)
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

	"boxoffice/broker"
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
	network, err := s.Faults()
	if err != nil {
		return err
	}
	network.Intercept(broker.SendMessage, badNetwork())
	till, err := s.NewProducer("till", producer.WithRetry(0)) // the client would try again by itself, and hide what is shown
	if err != nil {
		return err
	}

	err = till.SendOneWay(context.Background(), order(topic, "1"))
	fmt.Fprintf(out, "order 1 is sent one-way, and lost; the till is told: %v\n", err)
	for _, key := range []string{"2", "3"} {
		if err := send(out, till, topic, key); err != nil {
			return err
		}
	}
	return mail(s, topic, site.Name(namesrv, "mailer"), out)
}

// badNetwork loses the first try of each order: of order 3 the answer, of the others the message.
func badNetwork() func(*broker.Request) broker.Verdict {
	first := map[string]broker.Verdict{"1": broker.Drop, "2": broker.Drop, "3": broker.DropReply}
	return func(r *broker.Request) broker.Verdict { // the till has one connection, so the calls come one by one
		key := r.Property(primitive.PropertyKeys)
		defer delete(first, key)
		return first[key]
	}
}

func order(topic, key string) *primitive.Message {
	return primitive.NewMessage(topic, []byte("order "+key)).WithKeys([]string{key})
}

// send sends an order until the broker has answered: the first answer is not waited for long, the others as long as the
// client allows. A till whose last try has failed keeps the order, and tries later.
func send(out io.Writer, till rocketmq.Producer, topic, key string) (err error) {
	for try, patience := range []time.Duration{300 * time.Millisecond, 3 * time.Second, 3 * time.Second} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, err = till.SendSync(ctx, order(topic, key)) // a new message each time, with the same key
		cancel()
		if err == nil {
			fmt.Fprintf(out, "order %s, try %d: the broker has it\n", key, try+1)
			return nil
		}
		fmt.Fprintf(out, "order %s, try %d: no answer, so the broker may have it or not\n", key, try+1)
	}
	return err
}

// mail receives what has come through, and writes each order's mail once.
func mail(s *site.Site, topic, group string, out io.Writer) error {
	arrived := make(chan string, 16)
	_, err := s.NewConsumer(group, topic, consumer.MessageSelector{},
		func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			for _, m := range messages {
				arrived <- m.GetKeys()
			}
			return consumer.ConsumeSuccess, nil
		})
	if err != nil {
		return err
	}
	came, mails := map[string]int{}, 0
	for range 3 {
		key, err := site.Receive(arrived)
		if err != nil {
			return err
		}
		if came[key]++; came[key] == 1 { // the key is not known yet
			mails++
		}
	}
	fmt.Fprintf(out, "came of order 1: %d, of order 2: %d, of order 3: %d; mails that were written: %d\n", came["1"], came["2"], came["3"], mails)
	return nil
}

// Acknowledge: a message is taken off the list when its work is done, and not before.
//
// The broker gives a message to one member of a consumer group and waits for an answer. ConsumeSuccess says that the work is
// done; ConsumeRetryLater says that it is not, and the message comes again after 10 s, 30 s, 1 min and so on. Who has died
// gives no answer, and another member gets the message. So the handler does the whole work before it returns. One that
// starts a goroutine and returns ConsumeSuccess has promised what it does not have yet, and loses it when the process ends.
//
// The price: work that was done when the answer got lost is done again. It must come to the same a second time.
//
// Watch: A stops in the middle of order 1, and B does it; B's database is away for order 2, and B does it ten seconds later.
// On the embedded broker the ten seconds are over at once. (Two members of a group in one process need instance names of
// their own, and a group that is newer than order 1 needs ConsumeFromFirstOffset: site sets both, as examples/hello does.)
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/examples/internal/site"
)

const firstRetry = 10 * time.Second

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic, group := site.Name(namesrv, "orders"), site.Name(namesrv, "packers")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	p, err := s.NewProducer("shop")
	if err != nil {
		return err
	}
	if _, err := p.SendSync(context.Background(), primitive.NewMessage(topic, []byte("order 1"))); err != nil {
		return err
	}

	said, never := make(chan string, 16), make(chan struct{})
	defer close(never)
	workOfA := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		said <- "A takes " + string(messages[0].Body) + " and begins"
		<-never // the work is never done
		return consumer.ConsumeRetryLater, nil
	}
	a, err := s.NewConsumer(group, topic, consumer.MessageSelector{}, workOfA)
	if err != nil {
		return err
	}
	if err := site.Tell(out, said); err != nil {
		return err
	}
	if err := a.Shutdown(); err != nil { // waits for no handler; after kill -9 the broker knows no more and no less
		return err
	}
	fmt.Fprintln(out, "A stops in the middle, and has acknowledged nothing")

	workOfB := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		order := string(messages[0].Body)
		if order == "order 2" && messages[0].ReconsumeTimes == 0 {
			said <- "B takes order 2, but its database is away: later"
			return consumer.ConsumeRetryLater, nil
		}
		said <- "B takes " + order + " and does the work: acknowledged"
		return consumer.ConsumeSuccess, nil
	}
	if _, err := s.NewConsumer(group, topic, consumer.MessageSelector{}, workOfB); err != nil {
		return err
	}
	if err := site.Tell(out, said); err != nil {
		return err
	}
	if _, err := p.SendSync(context.Background(), primitive.NewMessage(topic, []byte("order 2"))); err != nil {
		return err
	}
	if err := site.Tell(out, said); err != nil {
		return err
	}
	if err := s.Pass(firstRetry); err != nil {
		return err
	}
	fmt.Fprintln(out, "ten seconds later")
	return site.Tell(out, said)
}

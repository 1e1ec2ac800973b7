// Compensation shows what to do about a step that fails: again if it may pass, and undo the steps before it if it will not.
//
// An order is a chain of steps in three services: hold the seat, charge the card, print the ticket. No transaction spans
// them, so what is done stays done until its owner undoes it. A printer that has a paper jam asks for the message again
// (ConsumeRetryLater; here after 1 s, by default after 10 s, 30 s, 1 min and so on), three times at most. A seat that is not
// on the plan will not be there in a minute either, so that order is not tried again. In both cases the printer publishes
// that the order has failed, and acknowledges only then; whoever has done an earlier step listens, and undoes its own. That
// event may come twice, as all may, so each undoes only what stands: in SQL, UPDATE ... WHERE state = 'charged'.
//
// Watch: order 1 is printed at the third try; orders 2 and 3 fail, one at once and one after three tries, and each gets its
// money back once and its seat free once, although the event comes twice.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/examples/internal/site"
)

const maxTries = 3

// errJam may pass, as no other failure does.
var errJam = errors.New("paper jam")

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	paid, failed := site.Name(namesrv, "order-paid"), site.Name(namesrv, "order-failed")
	s, err := site.Start(namesrv, paid, failed)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	bus, err := s.NewProducer("office")
	if err != nil {
		return err
	}
	o := &office{bus: bus, failed: failed, told: make(chan string, 16)}
	_, printer := s.NewConsumer(site.Name(namesrv, "printer"), paid, consumer.MessageSelector{}, o.print)
	_, seats := s.NewConsumer(site.Name(namesrv, "seats"), failed, consumer.MessageSelector{}, o.undo("seat", "free"))
	_, cards := s.NewConsumer(site.Name(namesrv, "cards"), failed, consumer.MessageSelector{}, o.undo("card", "refunded"))
	if err := errors.Join(printer, seats, cards); err != nil {
		return err
	}
	for i, order := range []struct{ retries, undone int }{{2, 0}, {0, 4}, {2, 4}} { // undone: what seats and cards say then
		key := strconv.Itoa(i + 1)
		if _, err := bus.SendSync(context.Background(), primitive.NewMessage(paid, []byte(key)).WithKeys([]string{key})); err != nil {
			return err
		}
		for range order.retries {
			tried, err := site.Receive(o.told)
			if err = errors.Join(err, s.Pass(time.Second)); err != nil {
				return err
			}
			fmt.Fprintln(out, tried)
		}
		told, err := site.ReceiveSet(o.told, 1+order.undone)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, strings.Join(told, "\n"))
	}
	return nil
}

// office is the three services.
type office struct {
	bus    rocketmq.Producer
	failed string
	undone sync.Map // by step and order
	told   chan string
}

// print prints an order: the first has two jams, the second has no seat, the third always has a jam.
func (o *office) print(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
	key, try := messages[0].GetKeys(), messages[0].ReconsumeTimes+1
	if key == "1" && try == maxTries {
		o.told <- fmt.Sprintf("order %s, try %d: printed", key, try)
		return consumer.ConsumeSuccess, nil
	}
	err := map[string]error{"1": errJam, "2": errors.New("no such seat"), "3": errJam}[key]
	o.told <- fmt.Sprintf("order %s, try %d: %v", key, try, err)
	if errors.Is(err, errJam) && try < maxTries {
		if next, ok := primitive.GetConcurrentlyCtx(ctx); ok { // else the broker's own pauses apply
			next.DelayLevelWhenNextConsume = 1 // a second
		}
		return consumer.ConsumeRetryLater, nil
	}
	for range 2 { // the second time stands for a printer that dies before it has acknowledged, and gets the order again
		if _, err := o.bus.SendSync(ctx, primitive.NewMessage(o.failed, []byte(key)).WithKeys([]string{key})); err != nil {
			return consumer.ConsumeRetryLater, err
		}
	}
	return consumer.ConsumeSuccess, nil
}

// undo takes back one step of a failed order, once.
func (o *office) undo(step, undone string) site.Handler {
	return func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		key, verb := messages[0].GetKeys(), "is"
		if _, already := o.undone.LoadOrStore(step+key, true); already {
			verb = "stays"
		}
		o.told <- fmt.Sprintf("order %s: the %s %s %s", key, step, verb, undone)
		return consumer.ConsumeSuccess, nil
	}
}

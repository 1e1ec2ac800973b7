package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"boxoffice/app/settings"
	"boxoffice/broker"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock"
)

// The RocketMQ client's push consumer has a data race of its own at start, so what starts one is tested without -race, and
// no sale ever ran under the race detector. Here everything is the office's but that consumer: messages are read out of
// the embedded broker and handed over, each twice.
func TestWholeSaleUnderTheRaceDetector(t *testing.T) {
	h := newDatabases(t)
	h.broker = broker.RunT(t, broker.WithTransactionTimeout(time.Hour)) // the client races when it ends after a check-back
	h.nameServer = h.broker.Addr()
	if onStack(t) {
		t.Skip("reads the embedded broker's messages")
	}
	o := &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
	program := o.openAPI("-roles", "api", "-pay-window", "2s", "-max-batch", "2") // lists that are full are sold side by side
	sender, err := program.bus.NewSender(t.Context(), event.GroupStock)
	if err != nil {
		t.Fatal(err)
	}
	publisher := stock.NewRepublisher(program.stock, sender)
	ctx, stop := context.WithCancel(t.Context())
	var consumers sync.WaitGroup
	consumers.Go(func() { stock.NewSweeper(program.stock, sender).Run(ctx) })
	consumers.Go(func() { consume(ctx, t, h.broker, event.StockReserved, program.orders.Create) })
	consumers.Go(func() { consume(ctx, t, h.broker, event.PaymentDue, program.orders.Timeout) })
	consumers.Go(func() { consume(ctx, t, h.broker, event.OrderSettled, publisher.HandleSettled) })
	t.Cleanup(func() { stop(); consumers.Wait(); sender.Close() })

	s := openSale(o, time.Millisecond, o.shop)
	s.sell(200)
	s.close()
	s.wantEverythingSettled()
}

// openAPI opens an office with the role api, which consumes nothing.
func (o *officeTest) openAPI(args ...string) *office {
	o.t.Helper()
	call := o.call(newOutput(o.t), args...)
	config, err := settings.Parse(call)
	if err != nil {
		o.t.Fatal(err)
	}
	program, err := openOffice(o.t.Context(), config, call, slog.New(slog.DiscardHandler))
	o.t.Cleanup(func() {
		if err := program.close(); err != nil {
			o.t.Errorf("close the office: %v", err)
		}
	})
	if err != nil {
		o.t.Fatal(err)
	}
	o.shop, o.admin = fmt.Sprintf("http://%s", program.shop.Addr()), fmt.Sprintf("http://%s", program.admin.Addr())
	return program
}

// consume hands every message of a topic to handle, twice at once.
func consume[T any](ctx context.Context, t *testing.T, b *broker.Broker, topic mq.Topic[T], handle func(context.Context, T) error) {
	seen := map[string]bool{}
	for {
		for _, m := range b.Messages(string(topic)) {
			if seen[m.ID] {
				continue
			}
			seen[m.ID] = true
			var twice sync.WaitGroup
			for range 2 {
				twice.Go(func() {
					var payload T
					if err := json.Unmarshal(m.Body, &payload); err != nil {
						t.Errorf("%s: %v", topic, err)
					}
					for handle(ctx, payload) != nil && ctx.Err() == nil {
						time.Sleep(time.Millisecond) // as the queue would deliver it again
					}
				})
			}
			twice.Wait()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

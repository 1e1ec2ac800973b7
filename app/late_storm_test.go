package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"boxoffice/broker"
	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/event/eventtest"
	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/sql"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

// lateOffice is both services, with databases and a broker that stores what they send. Nobody consumes it: the test hands
// messages over itself, late, twice, in any order or never.
type lateOffice struct {
	t         *testing.T
	clock     *stocktest.Clock
	stockDB   *db.DB
	orderDB   *db.DB
	stock     *stock.Stock
	publisher *stock.Republisher
	sweeper   *stock.Sweeper
	orders    *order.Orders
	payments  *payment.Service

	refuse atomic.Bool // the broker refuses what is sent: the process dies between commit and message
	mu     sync.Mutex
	sent   []sentMessage
	tried  map[string]int // by topic, also what was refused
}

type sentMessage struct {
	topic string
	body  []byte
}

func newLateOffice(t *testing.T) *lateOffice {
	t.Helper()
	schema, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	o := &lateOffice{t: t, clock: stocktest.NewClock(), stockDB: stocktest.NewDB(t), orderDB: dbtest.New(t, schema), tried: map[string]int{}}
	b := broker.RunT(t)
	b.Intercept(broker.SendMessage, o.see)
	b.Intercept(broker.SendMessageV2, o.see)
	sender := eventtest.NewSender(t, b.Addr(), event.GroupStock)
	o.stock = stock.New(o.stockDB, stock.Options{Now: o.clock.Now, Log: quiet})
	o.publisher, o.sweeper = stock.NewRepublisher(o.stock, sender), stock.NewSweeper(o.stock, sender)
	o.orders = order.New(t.Context(), o.orderDB, sender, order.Options{Now: o.clock.Now, Log: quiet, MaxBatch: 8})
	t.Cleanup(o.orders.Close)
	o.payments = payment.New(o.orderDB, payment.Options{Orders: o.orders, Now: o.clock.Now, Log: quiet})
	t.Cleanup(o.payments.Close)
	return o
}

func (o *lateOffice) see(r *broker.Request) broker.Verdict {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tried[r.Topic()]++
	if o.refuse.Load() {
		return broker.Fail(broker.MessageIllegal, "the process is dead")
	}
	o.sent = append(o.sent, sentMessage{r.Topic(), slices.Clone(r.Body)})
	return broker.Pass
}

// messages are all that were sent after the first few.
func (o *lateOffice) messages(after int) []sentMessage {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.sent[after:])
}

// published waits until something that is said in the background has been tried to say.
func (o *lateOffice) published(before int) {
	for deadline := time.Now().Add(testDeadline); o.settledTries() <= before && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
}

func (o *lateOffice) settledTries() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tried[string(event.OrderSettled)]
}

// deliver hands a message to whoever consumes its topic.
func (o *lateOffice) deliver(m sentMessage) error {
	ctx := o.t.Context()
	switch m.topic {
	case string(event.StockReserved):
		return handOver(ctx, event.StockReserved, m, o.orders.Create)
	case string(event.PaymentDue):
		return handOver(ctx, event.PaymentDue, m, o.orders.Timeout)
	case string(event.OrderSettled):
		return handOver(ctx, event.OrderSettled, m, o.publisher.HandleSettled)
	default:
		return handOver(ctx, event.TicketsWanted, m, o.publisher.HandleWanted)
	}
}

func handOver[T any](ctx context.Context, topic mq.Topic[T], m sentMessage, handle func(context.Context, T) error) error {
	payload, err := topic.Decode(m.body)
	if err != nil {
		return err
	}
	return handle(ctx, payload)
}

// lateRun is one history of one screening in a lateOffice.
type lateRun struct {
	*lateOffice
	r         *rapid.T
	run       int
	screening string
	first     int // number of the first message of this run
	bought    []event.Order
	final     map[string]string // by order id, why it may never be paid any more
	wasPaid   map[string]bool
	counts    *lateCounts
}

// byOffice is why an order that the office has cancelled is not paid any more.
const byOffice = "the office has cancelled it"

// lateCounts is how often a storm met what it is there for.
type lateCounts struct{ revived, refused, declined int }

// Anything may happen to orders that are paid late: messages that come twice, late, in another order or never, processes
// that die between their commit and what they send, restocking, competing buyers, cancellations by buyer and office, refunds by
// hand. No ticket is sold twice, an order that is paid has its tickets and one payment, all other money goes back, nothing
// waits for ever, and who was told that an order is cancelled for good, or paid, was told the truth.
func TestLatePaymentsInAStorm(t *testing.T) {
	slow(t)
	o := newLateOffice(t)
	run, counts := 0, &lateCounts{}
	rapid.Check(t, func(r *rapid.T) {
		run++
		l := &lateRun{
			lateOffice: o, r: r, run: run, first: len(o.messages(0)), counts: counts,
			final: map[string]string{}, wasPaid: map[string]bool{},
		}
		l.open()
		r.Repeat(map[string]func(*rapid.T){
			"buy": l.buy, "buy more": l.buy, "expire": l.expire, "pay": l.pay, "pay again": l.pay, "ask": l.ask, "ask again": l.ask,
			"deliver": l.deliverAny, "deliver new": l.deliverNew, "deliver new 2": l.deliverNew, "deliver new 3": l.deliverNew,
			"sweep": l.sweep, "wait": l.wait, "publish": l.publish, "by hand": l.byHand, "": l.check,
		})
		l.comeToRest()
	})
	t.Logf("%+v", *counts)
	if counts.revived == 0 || counts.refused == 0 || counts.declined == 0 {
		t.Errorf("the storm met %+v, want each of them", *counts)
	}
}

func (l *lateRun) must(err error) {
	l.t.Helper()
	if err != nil {
		l.r.Fatal(err)
	}
}

func (l *lateRun) open() {
	now := l.clock.Now()
	screening, err := l.stock.AddScreening(l.t.Context(), stock.Screening{
		Movie: "Metropolis", Venue: "Rex", StartsAt: now.Add(72 * time.Hour), Capacity: rapid.Int64Range(2, 5).Draw(l.r, "capacity"),
		PerUserLimit: rapid.SampledFrom([]int64{0, 2, 3}).Draw(l.r, "limit"), Price: event.Money{Amount: 4900, Currency: "CNY"},
		SaleOpensAt: now, SaleClosesAt: now.Add(48 * time.Hour), LatePayment: event.LateRevive,
	})
	l.must(err)
	l.screening = screening.ID
	for n := range rapid.IntRange(0, 3).Draw(l.r, "unpaid") {
		if o, ok := l.reserve(n, 1); ok {
			l.must(l.orders.Create(l.t.Context(), event.Reserved{Orders: []event.Order{o}}))
		}
	}
	l.clock.Advance(time.Minute)
	l.must(l.orders.Timeout(l.t.Context(), event.Due{OrderIDs: l.ids()}))
}

// faulty runs a step during which the process may die before it sends anything; only then may the step fail.
func (l *lateRun) faulty(step func() error) {
	l.t.Helper()
	dies := rapid.IntRange(0, 4).Draw(l.r, "dies") == 0
	l.refuse.Store(dies)
	err := step()
	l.refuse.Store(false)
	if err != nil && !dies {
		l.r.Fatal(err)
	}
}

func (l *lateRun) anyOrder() event.Order {
	if len(l.bought) == 0 {
		l.r.Skip("nothing is bought")
	}
	return rapid.SampledFrom(l.bought).Draw(l.r, "order")
}

// buy buys tickets; the message that creates the order may be lost.
func (l *lateRun) buy(r *rapid.T) {
	o, ok := l.reserve(rapid.IntRange(0, 2).Draw(r, "buyer"), rapid.Int64Range(1, 2).Draw(r, "quantity"))
	if !ok {
		r.Skip("refused")
	}
	if rapid.IntRange(0, 3).Draw(r, "created") > 0 {
		l.faulty(func() error { return l.orders.Create(l.t.Context(), event.Reserved{Orders: []event.Order{o}}) })
	}
}

// reserve reserves tickets as a purchase does, if they are to be had.
func (l *lateRun) reserve(number int, quantity int64) (o event.Order, ok bool) {
	now := l.clock.Now()
	buyer := fmt.Sprintf("buyer-%d-%d", l.run, number)
	request := stock.RequestID(buyer, fmt.Sprint(len(l.bought)))
	known, err := l.stock.Snapshot(l.t.Context(), []stock.Lookup{{RequestID: request, ScreeningID: l.screening, BuyerID: buyer}})
	l.must(err)
	screening, key := known.Screenings[l.screening], stock.Holding{ScreeningID: l.screening, BuyerID: buyer}
	if screening.Refusal(quantity, known.Holdings[key], now) != nil {
		return o, false
	}
	o = event.Order{
		ID: stock.NewID(now), ScreeningID: l.screening, BuyerID: buyer, Quantity: quantity,
		Amount:    event.Money{Amount: 4900 * quantity, Currency: "CNY"},
		CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(time.Minute).UnixMilli(), LatePayment: event.LateRevive,
	}
	list := stock.ReservationList{
		TxID: stock.NewID(now), Orders: []event.Order{o}, Requests: []string{request},
		Tickets: map[string]int64{l.screening: quantity}, TermsVersions: map[string]int64{l.screening: screening.TermsVersion},
	}
	if screening.PerUserLimit > 0 {
		_, exists := known.Holdings[key]
		list.Holdings = []stock.HoldingChange{{Holding: key, Quantity: quantity, Limit: screening.PerUserLimit, Exists: exists}}
	}
	local := l.stock.Begin(l.t.Context(), list)
	if outcome := local.Commit(l.t.Context()); outcome != mq.Commit {
		l.r.Fatalf("buy: %v, %v", outcome, local.Err())
	}
	l.bought = append(l.bought, o)
	return o, true
}

// expire cancels the orders that are unpaid past their deadline.
func (l *lateRun) expire(*rapid.T) {
	l.clock.Advance(time.Minute)
	l.faulty(func() error { return l.orders.Timeout(l.t.Context(), event.Due{OrderIDs: l.ids()}) })
}

// pay hands in a payment of a right or a wrong amount, a new one or one that came before.
func (l *lateRun) pay(r *rapid.T) {
	o := l.anyOrder()
	try := rapid.IntRange(0, 2).Draw(r, "try")
	p := order.Payment{ID: fmt.Sprintf("pay-%s-%d", o.ID, try), OrderID: o.ID, Amount: o.Amount, WebhookID: "msg"}
	if rapid.IntRange(0, 9).Draw(r, "wrong") == 0 {
		p.ID, p.Amount.Amount = p.ID+"-short", p.Amount.Amount-1
	}
	before := l.settledTries()
	l.faulty(func() error {
		result, err := l.orders.Pay(l.t.Context(), p)
		if err == nil && result == order.Applied {
			l.published(before)
		}
		return err
	})
}

func (l *lateRun) deliverAny(r *rapid.T) {
	sent := l.messages(l.first)
	if len(sent) == 0 {
		r.Skip("nothing was sent")
	}
	m := rapid.SampledFrom(sent).Draw(r, "message")
	l.faulty(func() error { return l.deliver(m) })
}

// deliverNew hands over one of the last few messages, as a queue mostly does.
func (l *lateRun) deliverNew(r *rapid.T) {
	sent := l.messages(l.first)
	if len(sent) == 0 {
		r.Skip("nothing was sent")
	}
	m := sent[len(sent)-1-rapid.IntRange(0, min(2, len(sent)-1)).Draw(r, "before the last")]
	l.faulty(func() error { return l.deliver(m) })
}

func (l *lateRun) sweep(*rapid.T) {
	l.faulty(func() error { _, err := l.sweeper.Sweep(l.t.Context()); return err })
}

func (l *lateRun) ask(*rapid.T) {
	l.faulty(func() error { _, err := l.orders.WantTickets(l.t.Context()); return err })
}

func (l *lateRun) wait(r *rapid.T) {
	l.clock.Advance(rapid.SampledFrom([]time.Duration{time.Second, 5 * time.Second, 10 * time.Second, time.Minute, time.Hour}).Draw(r, "wait"))
}

// byHand is what people do, which is rare.
func (l *lateRun) byHand(r *rapid.T) {
	rapid.SampledFrom([]func(*rapid.T){l.cancel, l.returnPaid, l.refundParked, l.restock, l.restock}).Draw(r, "act")(r)
}

func (l *lateRun) cancel(*rapid.T) {
	o, before := l.anyOrder(), l.settledTries()
	l.faulty(func() error {
		_, err := l.orders.Cancel(l.t.Context(), o, false)
		if errors.Is(err, order.ErrOrderAbsent) {
			return nil
		}
		l.published(before)
		if err == nil && l.final[o.ID] == "" {
			l.final[o.ID] = "its buyer has cancelled it"
		}
		if errors.Is(err, order.ErrAlreadyPaid) {
			return nil
		}
		return err
	})
}

func (l *lateRun) returnPaid(*rapid.T) {
	o := l.anyOrder()
	l.faulty(func() error {
		cancelled, err := l.orders.CancelPaid(l.t.Context(), o.ID, audit.Act{Actor: "me", Note: "why"})
		if cancelled.CancelReason == order.CancelByOffice {
			l.final[o.ID] = byOffice
		}
		if errors.Is(err, order.ErrOrderAbsent) || errors.Is(err, order.ErrNotPaid) {
			return nil
		}
		return err
	})
}

func (l *lateRun) refundParked(r *rapid.T) {
	parked, err := l.orders.PaymentsOf(l.t.Context(), order.Parked, order.Claim{}, 10)
	l.must(err)
	if len(parked) == 0 {
		r.Skip("no money waits")
	}
	l.must(l.orders.RefundParked(l.t.Context(), rapid.SampledFrom(parked).Draw(r, "payment").PaymentID, audit.Act{Actor: "me", Note: "why"}))
}

// restock changes how many tickets there are, and for a while whether late money revives.
func (l *lateRun) restock(r *rapid.T) {
	capacity := rapid.Int64Range(2, 6).Draw(r, "capacity")
	policy := rapid.SampledFrom([]event.LatePayment{event.LateRevive, event.LateRevive, event.LateRevive, event.LateRefund}).Draw(r, "policy")
	_, err := l.stock.ChangeScreening(l.t.Context(), l.screening, stock.ScreeningChange{Capacity: &capacity, LatePayment: &policy})
	if !errors.Is(err, stock.ErrCapacityTooSmall) {
		l.must(err)
	}
}

// publish is what the doctor does about whatever it does not like.
func (l *lateRun) publish(*rapid.T) {
	o := l.anyOrder()
	l.faulty(func() error { _, err := l.publisher.Publish(l.t.Context(), []string{o.ID}); return err })
}

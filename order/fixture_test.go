package order

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/event/eventtest"
	"boxoffice/common/mq"
	"boxoffice/sql"
)

const testBatch = 8

// fixture is the order service with a database, a broker, and a record of what it sent.
type fixture struct {
	t      testing.TB
	orders *Orders
	db     *db.DB
	clock  *clock
	next   atomic.Int64
	refuse atomic.Bool // the broker refuses every message

	mu   sync.Mutex
	sent []sentMessage
}

type sentMessage struct {
	topic string
	level mq.DelayLevel
	body  []byte
}

type dueMessage struct {
	event.Due
	level mq.DelayLevel
}

type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func newFixture(t testing.TB) *fixture {
	t.Helper()
	migrations, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, db: dbtest.New(t, migrations), clock: &clock{}}
	f.clock.ms.Store(1795000000000)
	f.orders = New(t.Context(), f.db, f.newSender(), Options{Now: f.clock.now, Log: slog.New(slog.DiscardHandler), MaxBatch: testBatch})
	t.Cleanup(f.orders.Close)
	return f
}

func (f *fixture) newSender() *mq.Sender {
	f.t.Helper()
	b := broker.RunT(f.t)
	for _, code := range []int{broker.SendMessage, broker.SendMessageV2} {
		b.Intercept(code, f.see)
	}
	return eventtest.NewSender(f.t, b.Addr(), event.GroupOrder)
}

// see records the messages that reach the broker and are accepted.
func (f *fixture) see(r *broker.Request) broker.Verdict {
	if f.refuse.Load() {
		const systemError = 1
		return broker.Fail(systemError, "the disk is full")
	}
	m := sentMessage{topic: r.Topic(), body: slices.Clone(r.Body)}
	if delay := r.Property("DELAY"); delay != "" {
		if _, err := fmt.Sscan(delay, &m.level); err != nil {
			f.t.Errorf("DELAY=%q: %v", delay, err)
		}
	}
	f.mu.Lock()
	f.sent = append(f.sent, m)
	f.mu.Unlock()
	return broker.Pass
}

func decodeSent[T any](f *fixture, topic mq.Topic[T], each func(T, mq.DelayLevel)) {
	f.t.Helper()
	f.mu.Lock()
	sent := slices.Clone(f.sent)
	f.mu.Unlock()
	for _, m := range sent {
		if m.topic != string(topic) {
			continue
		}
		var payload T
		if err := json.Unmarshal(m.body, &payload); err != nil {
			f.t.Fatalf("%s: %v", m.topic, err)
		}
		each(payload, m.level)
	}
}

func (f *fixture) dues() (dues []dueMessage) {
	f.t.Helper()
	decodeSent(f, event.PaymentDue, func(d event.Due, level mq.DelayLevel) { dues = append(dues, dueMessage{d, level}) })
	return dues
}

func (f *fixture) settledMessages() (settled []event.SettledOrder) {
	f.t.Helper()
	decodeSent(f, event.OrderSettled, func(s event.Settled, _ mq.DelayLevel) { settled = append(settled, s.Orders...) })
	return settled
}

// drained waits until the publisher has sent n orders.
func (f *fixture) drained(n int) {
	f.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); len(f.settledMessages()) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("published %v, want %d orders", f.settledMessages(), n)
		}
	}
}

// reserve makes an order that stock would have reserved now, with this payment window.
func (f *fixture) reserve(window time.Duration) event.Order {
	now := f.clock.now()
	return event.Order{
		ID: fmt.Sprintf("order-%06d", f.next.Add(1)), ScreeningID: "s1", BuyerID: "alice", Quantity: 2,
		Amount:    event.Money{Amount: 9800, Currency: "CNY"},
		CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(window).UnixMilli(),
	}
}

// payment makes a new payment that fits the order.
func (f *fixture) payment(o event.Order) Payment {
	n := f.next.Add(1)
	return Payment{ID: fmt.Sprintf("pay-%06d", n), OrderID: o.ID, Amount: o.Amount, WebhookID: fmt.Sprintf("msg-%06d", n)}
}

func (f *fixture) create(orders ...event.Order) {
	f.t.Helper()
	f.publish(event.Reserved{Orders: orders})
}

func (f *fixture) timeout(ids ...string) {
	f.t.Helper()
	f.deliver(event.Due{OrderIDs: ids})
}

// deliver handles a payment-due as the consumer does.
func (f *fixture) deliver(due event.Due) {
	f.t.Helper()
	if err := f.orders.Timeout(f.t.Context(), due); err != nil {
		f.t.Fatalf("Timeout: %v", err)
	}
}

// exec changes rows behind the service's back.
func (f *fixture) exec(statement string, args ...any) {
	f.t.Helper()
	dbtest.Exec(f.t, f.db, statement, args...)
}

func (f *fixture) cancel(o event.Order) {
	f.t.Helper()
	got, err := f.orders.Cancel(f.t.Context(), o, true)
	if err != nil || got.State != Cancelled {
		f.t.Fatalf("Cancel: %+v, %v", got, err)
	}
}

func (f *fixture) pay(p Payment, want PaymentResult) {
	f.t.Helper()
	got, err := f.orders.Pay(f.t.Context(), p)
	if err != nil || got != want {
		f.t.Fatalf("Pay = %q, %v, want %q", got, err, want)
	}
}

func (f *fixture) find(id string) Order {
	f.t.Helper()
	found, err := f.orders.Find(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	order, exists := found[id]
	if !exists {
		f.t.Fatalf("order %s does not exist", id)
	}
	return order
}

func (f *fixture) wantState(id string, state State, reason CancelReason) {
	f.t.Helper()
	if got := f.find(id); got.State != state || got.CancelReason != reason {
		f.t.Errorf("order is %s %q, want %s %q", got.State, got.CancelReason, state, reason)
	}
}

// wantSettled looks for these orders among the published; none of their ids may have another outcome.
func (f *fixture) wantSettled(want ...event.SettledOrder) {
	f.t.Helper()
	settled := f.settledMessages()
	for _, o := range want {
		if !slices.Contains(settled, o) {
			f.t.Errorf("published %v, want %v", settled, o)
		}
		other := func(s event.SettledOrder) bool { return s.OrderID == o.OrderID && s.Outcome != o.Outcome }
		if slices.ContainsFunc(settled, other) {
			f.t.Errorf("published %v, which has both outcomes of %s", settled, o.OrderID)
		}
	}
}

// wantPayment checks the recorded result, and the refund's reason; empty for no refund.
func (f *fixture) wantPayment(id string, result PaymentResult, reason RefundReason) {
	f.t.Helper()
	var got struct {
		Result PaymentResult `db:"result"`
		Reason RefundReason  `db:"reason"`
	}
	if err := f.db.Reader().GetContext(context.Background(), &got, `SELECT result, COALESCE(reason, '') AS reason
		FROM payments LEFT JOIN refunds ON refunds.payment_id = payments.id WHERE payments.id = ?`, id); err != nil {
		f.t.Fatal(err)
	}
	if got.Result != result || got.Reason != reason {
		f.t.Errorf("payment is %s with refund %q, want %s with %q", got.Result, got.Reason, result, reason)
	}
}

// wantInvariants checks what must hold at any rest of the service: no money is lost or counted twice.
func (f *fixture) wantInvariants() {
	f.t.Helper()
	for what, query := range map[string]string{
		"paid orders without exactly one applied payment": `SELECT COUNT(*) FROM orders WHERE state = 'PAID' AND
			(SELECT COUNT(*) FROM payments p WHERE p.order_id = orders.id AND p.result = 'applied') <> 1`,
		"applied payments of unpaid orders": `SELECT COUNT(*) FROM payments p JOIN orders o ON o.id = p.order_id
			WHERE p.result = 'applied' AND o.state <> 'PAID'`,
		"payments parked although their order exists and stock is not asked for its tickets": `SELECT COUNT(*) FROM payments p
			JOIN orders o ON o.id = p.order_id WHERE p.result = 'parked' AND (o.late_payment <> 'revive'
			OR o.cancel_reason <> 'unpaid' OR o.id NOT IN (SELECT order_id FROM revivals))`,
		"refunds due without a row": `SELECT COUNT(*) FROM payments p WHERE p.result = 'refund_due' AND NOT EXISTS
			(SELECT 1 FROM refunds r WHERE r.payment_id = p.id AND r.order_id = p.order_id AND r.amount = p.amount
			AND r.currency = p.currency AND r.state = 'due')`,
		"refunds of payments whose money does not go back": `SELECT COUNT(*) FROM refunds r WHERE NOT EXISTS
			(SELECT 1 FROM payments p WHERE p.id = r.payment_id AND (p.result IN ('refund_due', 'mismatch')
			OR p.result = 'applied' AND r.reason = 'office'))`,
		"payments of which more goes back than came": `SELECT COUNT(*) FROM payments p WHERE p.refunded <>
			(SELECT COALESCE(SUM(amount), 0) FROM refunds r WHERE r.payment_id = p.id)`,
		"payments of another amount that did something": `SELECT COUNT(*) FROM payments p JOIN orders o ON o.id = p.order_id
			WHERE (p.amount <> o.amount OR p.currency <> o.currency) AND p.result <> 'mismatch'`,
	} {
		var n int
		if err := f.db.Reader().GetContext(context.Background(), &n, query); err != nil {
			f.t.Fatal(err)
		}
		if n != 0 {
			f.t.Errorf("%d %s", n, what)
		}
	}
}

// together runs fn in n goroutines that start at once.
func together(n int, fn func(int)) {
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	group.Wait()
}

func sorted(ids ...string) []string {
	slices.Sort(ids)
	return ids
}

// delayOf is the delay of a level, found by asking for it.
func delayOf(level mq.DelayLevel) time.Duration {
	var d time.Duration
	for d = time.Second; mq.LevelFor(d) < level; d += time.Second {
	}
	return d
}

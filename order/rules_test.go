package order

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"boxoffice/common/event"
)

// expectation is the service as its rules describe it, without a database: one step at a time.
type expectation struct {
	*fixture
	reserved []event.Order        // what stock has reserved, whether or not the order exists
	orders   map[string]*Order    // the rows
	parked   map[string][]Payment // by order, the oldest first
	seen     map[string]Payment   // by payment id
	results  map[string]PaymentResult
	payments []Payment // all that were ever sent, for redelivery
}

func TestAnyHistoryFollowsTheRules(t *testing.T) {
	f := newFixture(t)
	rapid.Check(t, func(r *rapid.T) {
		e := &expectation{
			fixture: f, orders: map[string]*Order{}, parked: map[string][]Payment{},
			seen: map[string]Payment{}, results: map[string]PaymentResult{},
		}
		for range rapid.IntRange(1, 4).Draw(r, "orders") {
			window := time.Duration(rapid.IntRange(0, 20).Draw(r, "window")) * time.Minute
			e.reserved = append(e.reserved, f.reserve(window))
		}
		r.Repeat(map[string]func(*rapid.T){
			"create": e.stepCreate, "timeout": e.stepTimeout, "cancel": e.stepCancel, "pay": e.stepPay, "pay again": e.stepPayAgain,
			"wait": func(r *rapid.T) {
				f.clock.advance(time.Duration(rapid.IntRange(1, 10).Draw(r, "minutes")) * time.Minute)
			},
			"": e.compare,
		})
	})
	f.wantInvariants()
	f.orders.Close()
	f.wantOneOutcomePerOrder()
}

func (e *expectation) stepCreate(r *rapid.T) {
	list := rapid.SliceOfN(rapid.SampledFrom(e.reserved), 1, 5).Draw(r, "orders")
	for range deliveries(r) {
		if err := e.fixture.orders.Create(e.t.Context(), event.Reserved{Orders: list}); err != nil {
			r.Fatalf("Create: %v", err)
		}
	}
	for _, o := range list {
		e.exist(o)
		e.expire(o.ID)
	}
}

func (e *expectation) stepTimeout(r *rapid.T) {
	list := rapid.SliceOfN(rapid.SampledFrom(e.reserved), 0, 5).Draw(r, "orders")
	ids := make([]string, len(list))
	for i, o := range list {
		ids[i] = o.ID
		e.expire(o.ID)
		if row := e.orders[o.ID]; row != nil && row.State == PendingPayment {
			row.Looks = 1 // sent on, once, however often the first message comes
		}
	}
	for range deliveries(r) {
		if err := e.fixture.orders.Timeout(e.t.Context(), event.Due{OrderIDs: ids}); err != nil {
			r.Fatalf("Timeout: %v", err)
		}
	}
}

func (e *expectation) stepCancel(r *rapid.T) {
	o := rapid.SampledFrom(e.reserved).Draw(r, "order")
	row := e.exist(o)
	if row.State == PendingPayment {
		row.State, row.CancelReason = Cancelled, CancelByBuyer
	}
	for range deliveries(r) {
		got, err := e.fixture.orders.Cancel(e.t.Context(), o, true)
		if got != *row || (row.State == Paid) != errors.Is(err, ErrAlreadyPaid) || row.State == Cancelled && err != nil {
			r.Fatalf("Cancel = %+v, %v, want %+v", got, err, *row)
		}
	}
}

func (e *expectation) stepPay(r *rapid.T) {
	p := e.payment(rapid.SampledFrom(e.reserved).Draw(r, "order"))
	switch rapid.IntRange(0, 5).Draw(r, "fault") {
	case 0:
		p.Amount.Amount += int64(rapid.IntRange(-2, 2).Draw(r, "difference"))
	case 1:
		p.Amount.Currency = "USD"
	case 2:
		if len(e.payments) > 0 {
			p.ID = rapid.SampledFrom(e.payments).Draw(r, "reused").ID
		}
	}
	e.payments = append(e.payments, p)
	e.deliver(r, p)
}

func (e *expectation) stepPayAgain(r *rapid.T) {
	if len(e.payments) == 0 {
		r.Skip("nothing was paid yet")
	}
	e.deliver(r, rapid.SampledFrom(e.payments).Draw(r, "payment"))
}

func (e *expectation) deliver(r *rapid.T, p Payment) {
	for range deliveries(r) {
		want := e.expectPayment(p)
		if got, err := e.fixture.orders.Pay(e.t.Context(), p); err != nil || got != want {
			r.Fatalf("Pay = %q, %v, want %q", got, err, want)
		}
	}
}

func (e *expectation) expectPayment(p Payment) PaymentResult {
	if before, known := e.seen[p.ID]; known {
		if before.OrderID == p.OrderID && before.Amount == p.Amount {
			return Duplicate
		}
		return Mismatch
	}
	e.seen[p.ID] = p
	if e.orders[p.OrderID] == nil {
		e.parked[p.OrderID] = append(e.parked[p.OrderID], p)
		e.results[p.ID] = Parked
		return Parked
	}
	return e.meet(p)
}

// meet is a payment and an order that exists.
func (e *expectation) meet(p Payment) PaymentResult {
	row, result := e.orders[p.OrderID], RefundDue
	switch {
	case p.Amount != row.Amount:
		result = Mismatch
	case row.State == PendingPayment:
		row.State, result = Paid, Applied
	}
	e.results[p.ID] = result
	return result
}

func (e *expectation) exist(o event.Order) *Order {
	if e.orders[o.ID] == nil {
		e.orders[o.ID] = &Order{Order: o, State: PendingPayment}
		for _, p := range e.parked[o.ID] {
			e.meet(p)
		}
	}
	return e.orders[o.ID]
}

func (e *expectation) expire(id string) {
	if row := e.orders[id]; row != nil && row.State == PendingPayment && row.ExpiresAt <= e.clock.now().UnixMilli() {
		row.State, row.CancelReason = Cancelled, CancelUnpaid
	}
}

func (e *expectation) compare(r *rapid.T) {
	ids := make([]string, len(e.reserved))
	for i, o := range e.reserved {
		ids[i] = o.ID
	}
	found, err := e.fixture.orders.Find(e.t.Context(), ids...)
	if err != nil {
		r.Fatal(err)
	}
	for _, id := range ids {
		got, exists := found[id]
		if want := e.orders[id]; exists != (want != nil) || exists && got != *want {
			r.Fatalf("order is %+v (exists: %t), want %+v", got, exists, want)
		}
	}
	recorded, err := readPayments(e.t.Context(), e.db.Reader(), paymentIDs(e.payments))
	if err != nil {
		r.Fatal(err)
	}
	for id, want := range e.results {
		if recorded[id].result != want {
			r.Fatalf("payment %s is %q, want %q", id, recorded[id].result, want)
		}
	}
	if len(recorded) != len(e.results) {
		r.Fatalf("%d payments are recorded, want %d", len(recorded), len(e.results))
	}
}

func paymentIDs(payments []Payment) []string {
	ids := make([]string, len(payments))
	for i, p := range payments {
		ids[i] = p.ID
	}
	return ids
}

// deliveries repeats a message or a callback, as a queue and a provider may.
func deliveries(r *rapid.T) int { return rapid.IntRange(1, 2).Draw(r, "deliveries") }

package app

import (
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

func (l *lateRun) ids() []string {
	ids := make([]string, len(l.bought))
	for i, o := range l.bought {
		ids[i] = o.ID
	}
	return ids
}

// check demands what must hold at every moment.
func (l *lateRun) check(r *rapid.T) {
	if found := stocktest.Violations(r, l.stockDB); len(found) > 0 {
		r.Fatal(found)
	}
	orders, err := l.orders.Find(l.t.Context(), l.ids()...)
	l.must(err)
	for id, o := range orders {
		paid := o.State == order.Paid
		switch why := l.final[id]; {
		case paid && why != "":
			r.Fatalf("order %s is paid, although %s", id, why)
		case !paid && why == "" && l.wasPaid[id]:
			r.Fatalf("order %s was paid, and is %s (%s)", id, o.State, o.CancelReason)
		}
		l.wasPaid[id] = l.wasPaid[id] || paid
	}
	ledgers, err := l.payments.Ledgers(l.t.Context())
	l.must(err)
	for _, ledger := range ledgers {
		if !ledger.Balanced() {
			r.Fatalf("ledger %+v", ledger)
		}
	}
}

// comeToRest lets everything go on without faults: what was sent before is delivered in some order, or all lost.
func (l *lateRun) comeToRest() {
	handled := len(l.messages(l.first))
	if rapid.Bool().Draw(l.r, "the last messages come") {
		for _, m := range rapid.Permutation(l.messages(l.first)).Draw(l.r, "messages") {
			l.must(l.deliver(m))
		}
	}
	l.returnAgain()
	for quiet, round := 0, 0; quiet < 3; round++ {
		if round > 60 {
			l.r.Fatalf("it does not come to rest: %s", strings.Join(l.unrest(), ", "))
		}
		l.clock.Advance(2 * time.Minute)
		_, err := l.sweeper.Sweep(l.t.Context())
		l.must(err)
		_, err = l.orders.WantTickets(l.t.Context())
		l.must(err)
		sent := l.messages(l.first)
		for _, m := range sent[handled:] {
			l.must(l.deliver(m))
		}
		if quiet++; handled < len(sent) || len(l.unrest()) > 0 {
			quiet = 0
		}
		handled = len(sent)
		l.check(l.r)
	}
	l.checkAtRest()
}

// returnAgain says once more what only a person or the doctor says again: that the office has cancelled a paid order.
func (l *lateRun) returnAgain() {
	for id, why := range l.final {
		if why == byOffice {
			_, err := l.orders.CancelPaid(l.t.Context(), id, audit.Act{Actor: "me", Note: "again"})
			l.must(err)
		}
	}
}

// unrest says what is still open.
func (l *lateRun) unrest() (open []string) {
	reservations, err := l.stock.ReservationsOf(l.t.Context(), l.ids()...)
	l.must(err)
	for id, r := range reservations {
		if r.State == stock.Held {
			open = append(open, id+" is held")
		}
	}
	for what, query := range map[string]string{
		"payments wait": `SELECT COUNT(*) FROM payments WHERE result = 'parked'`, "orders wait": `SELECT COUNT(*) FROM revivals`,
	} {
		var n int
		l.must(l.orderDB.Reader().Get(&n, query))
		if n > 0 {
			open = append(open, what)
		}
	}
	return open
}

// checkAtRest demands that both services say the same, and that each order has its money or none.
func (l *lateRun) checkAtRest() {
	reservations, err := l.stock.ReservationsOf(l.t.Context(), l.ids()...)
	l.must(err)
	orders, err := l.orders.Find(l.t.Context(), l.ids()...)
	l.must(err)
	for id, reservation := range reservations {
		o, exists := orders[id]
		paid := o.State == order.Paid
		if !exists || paid != (reservation.State == stock.Sold) || !paid && (o.State != order.Cancelled || reservation.State != stock.Released) {
			l.r.Fatalf("order %+v of reservation %+v", o, reservation)
		}
		var results []order.PaymentResult
		l.must(l.orderDB.Reader().Select(&results, `SELECT result FROM payments WHERE order_id = ?`, id))
		applied := len(slices.DeleteFunc(slices.Clone(results), func(r order.PaymentResult) bool { return r != order.Applied }))
		if paid != (applied == 1) || applied > 1 {
			l.r.Fatalf("order %s is %s, and its payments are %v", id, o.State, results)
		}
		l.count(o, reservation, results)
	}
}

func (l *lateRun) count(o order.Order, r stock.Reservation, results []order.PaymentResult) {
	switch {
	case o.LatePayment == event.LateRevived && o.State == order.Paid:
		l.counts.revived++
	case o.LatePayment == event.LateRevived && o.CancelReason == order.CancelUnpaid && r.LatePayment == event.LateRevived:
		l.counts.declined++
	case o.LatePayment == event.LateRefund && slices.Contains(results, order.RefundDue):
		l.counts.refused++
	}
}

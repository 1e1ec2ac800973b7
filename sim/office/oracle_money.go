package office

import (
	"maps"
	"slices"

	"boxoffice/payment"
	"boxoffice/sim/world"
)

// look looks at a database in which a process has just committed.
func (k *oracle) look(d deed, base string) {
	switch base {
	case world.StockBase:
		k.lookAtStock()
		k.lookAtReservations(d)
	case world.OrderBase:
		k.lookAtOrders(d)
		k.lookAtMoney()
	}
}

func (k *oracle) ordersNow() []orderSeen {
	return selectFrom[orderSeen](k, world.OrderBase, `SELECT id, quantity, amount, state, COALESCE(cancel_reason, '') AS reason,
		expires_at, late_payment FROM orders ORDER BY id`)
}

// lookAtOrders checks that orders only go forward (I5), that none is cancelled before its time (I6), and that there is none whose
// tickets were never reserved.
func (k *oracle) lookAtOrders(d deed) {
	w := k.world
	for _, o := range k.ordersNow() {
		before, known := k.orders[o.ID]
		if !known {
			k.changed = w.Now
			reserved, exists := k.held[o.ID]
			if !exists {
				w.Fail("I7: order %s is there, and nobody has reserved its tickets", o.ID)
			} else if reserved.Quantity != o.Quantity || reserved.Amount != o.Amount {
				w.Fail("order %s is %d tickets for %d, and its reservation %d for %d", o.ID, o.Quantity, o.Amount, reserved.Quantity, reserved.Amount)
			}
			before = o
			before.State, before.Reason = "PENDING_PAYMENT", "" // for a moment at least, in the transaction that made it
		}
		if known && o.Expires > before.Expires { // for a payment that starts
			if until := d.began.Add(payLease); until.After(k.promised[o.ID].until) {
				k.promised[o.ID] = promise{until, d.sure().Sub(w.Now)}
			}
		}
		if before.State != o.State {
			k.changed = w.Now
			k.checkOrder(d, before, o)
		}
		k.orders[o.ID] = o
	}
}

func (k *oracle) checkOrder(d deed, before, after orderSeen) {
	w := k.world
	w.Note("order %s %s -> %s %s", after.ID, before.State, after.State, after.Reason)
	switch {
	case before.State == "PENDING_PAYMENT" && after.Reason == "unpaid":
		k.checkUnpaid(d, before, after)
	case before.State == "PENDING_PAYMENT":
	case before.State == "PAID" && (after.Reason == "office" || after.Reason == "released"):
	case before.State == "CANCELLED" && before.Reason == "unpaid" && before.Late == "revive" && after.State == "PAID":
		if r := k.held[after.ID]; r.Late != "revived" {
			w.Fail("order %s is paid late, and stock has not taken its tickets again", after.ID)
		}
	default:
		w.Fail("I5: order %s went from %s %s to %s %s", after.ID, before.State, before.Reason, after.State, after.Reason)
	}
}

// checkUnpaid checks that an order that is cancelled as unpaid was due in true time, whatever the clocks say, and that its provider
// was asked while there was time. A process cannot know of a clock that was set before it started.
func (k *oracle) checkUnpaid(d deed, before, after orderSeen) {
	w := k.world
	promised := k.promised[after.ID]
	now := w.Now.Add(max(0, d.believed-promised.ahead))
	if now.Before(promised.until) {
		w.Fail("I6: order %s is cancelled as unpaid %s before its time", after.ID, promised.until.Sub(now))
	}
	for _, a := range k.provider.Attempts {
		if a.OrderID != after.ID || a.Forgotten {
			continue
		}
		if now.Before(promised.until.Add(askGrace)) && (a.State == payment.Open || a.HasPaid(before.Amount)) {
			w.Fail("order %s is cancelled as unpaid, and payment %s of it is %s at its provider, which was not asked", after.ID, a.ID, a.State)
		}
	}
}

// lookAtMoney checks that what a payment brought goes to one place (I4): no more goes back than came, none pays twice.
func (k *oracle) lookAtMoney() {
	w := k.world
	for _, p := range selectFrom[struct {
		ID       string `db:"id"`
		OrderID  string `db:"order_id"`
		Amount   int64  `db:"amount"`
		Result   string `db:"result"`
		Refunded int64  `db:"refunded"`
		Back     int64  `db:"back"`
	}](k, world.OrderBase, `SELECT id, order_id, amount, result, refunded,
		(SELECT COALESCE(SUM(amount), 0) FROM refunds r WHERE r.payment_id = p.id) AS back FROM payments p ORDER BY id`) {
		taken := k.provider.Payments[p.ID]
		switch {
		case taken == nil:
			w.Fail("payment %s is recorded, and no provider has taken it", p.ID)
		case taken.Amount.Amount != p.Amount || taken.OrderID != p.OrderID && taken.OrderID != "":
			w.Fail("payment %s is recorded as %d for %s, and is %d for %s", p.ID, p.Amount, p.OrderID, taken.Amount.Amount, taken.OrderID)
		case p.Refunded != p.Back:
			w.Fail("I4: of payment %s %d go back, and its refunds are %d", p.ID, p.Refunded, p.Back)
		case p.Result == "applied" && p.Amount != k.orders[p.OrderID].Amount:
			w.Fail("I4: payment %s of %d has paid order %s of %d", p.ID, p.Amount, p.OrderID, k.orders[p.OrderID].Amount)
		}
	}
	for _, twice := range selectFrom[string](k, world.OrderBase, `SELECT order_id FROM payments WHERE result = 'applied'
		GROUP BY order_id HAVING COUNT(*) > 1`) {
		w.Fail("I4: order %s is paid by more than one payment", twice)
	}
	for _, unpaid := range selectFrom[string](k, world.OrderBase, `SELECT id FROM orders WHERE state = 'PAID' AND id NOT IN (
		SELECT order_id FROM payments WHERE result = 'applied')`) {
		w.Fail("I4: order %s is paid by nothing", unpaid)
	}
}

// settled checks what must be true once everything has come to rest (I3, I4, I6, I8).
func (k *oracle) settled() {
	w, b := k.world, k.bus
	if open := b.OpenHalves(); len(open) > 0 {
		w.Fail("I8: half messages are undecided: %v", open)
	}
	for _, id := range slices.Sorted(maps.Keys(b.Halves)) {
		k.halfDecided(b.Halves[id]) // its local transaction may have come later
	}
	if b.Pending > 0 {
		w.Fail("I8: %d deliveries are still to come", b.Pending)
	}
	for _, id := range slices.Sorted(maps.Keys(k.held)) {
		k.settledReservation(k.held[id])
	}
	for _, request := range slices.Sorted(maps.Keys(k.bought)) {
		said := k.bought[request]
		r, exists := k.held[said.orderID]
		if !exists || r.Quantity != said.quantity || r.Buyer != said.buyerID || r.Screening != said.screeningID || r.Request != request {
			w.Fail("I3: a buyer was told of order %+v, and the reservation is %+v", said, r)
		}
	}
	for _, rest := range []struct{ what, query string }{
		{"revival", `SELECT order_id FROM revivals`},
		{"return of tickets", `SELECT order_id FROM order_returns`},
		{"open payment", `SELECT id FROM payment_attempts WHERE state IN ('starting', 'open')`},
		{"payment that waits", `SELECT id FROM payments WHERE result = 'parked'`},
	} {
		if left := selectFrom[string](k, world.OrderBase, rest.query+` ORDER BY 1`); len(left) > 0 {
			w.Fail("I8: a %s is left: %v", rest.what, left)
		}
	}
	for _, paymentID := range selectFrom[string](k, world.OrderBase, `SELECT payment_id FROM refunds
		WHERE state NOT IN ('done', 'settled') ORDER BY 1`) {
		if !k.provider.Payments[paymentID].Returned {
			w.Fail("I8: a refund that is not back is left, of payment %s", paymentID)
		}
	}
	k.settledMoney()
	k.settledTickets()
}

// settledReservation checks that a reservation has come to its order's end.
func (k *oracle) settledReservation(r reservationSeen) {
	w := k.world
	o, exists := k.orders[r.ID]
	want := map[string]string{"PAID": "sold", "CANCELLED": "released"}[o.State]
	switch {
	case !exists:
		w.Fail("I3: reservation %s is %s and has no order", r.ID, r.State)
	case want == "":
		w.Fail("I6: order %s is still %s", r.ID, o.State)
	case r.State != want:
		w.Fail("I6: order %s is %s, and its tickets are %s", r.ID, o.State, r.State)
	}
	if s := k.screenings[r.Screening]; s.closed && r.State != "released" {
		w.Fail("order %s of a cancelled screening is %s", r.ID, o.State)
	}
}

// settledMoney checks that the provider has of each payment what a paid order costs, or nothing.
func (k *oracle) settledMoney() {
	w := k.world
	recorded := map[string]string{}
	for _, p := range selectFrom[struct {
		ID     string `db:"id"`
		Result string `db:"result"`
	}](k, world.OrderBase, `SELECT id, result FROM payments`) {
		recorded[p.ID] = p.Result
	}
	parts := map[string]int64{}
	for _, p := range selectFrom[struct {
		ID       string `db:"id"`
		Refunded int64  `db:"refunded"`
	}](k, world.OrderBase, `SELECT id, refunded FROM payments WHERE result = 'applied'`) {
		parts[p.ID] = p.Refunded
	}
	for _, id := range k.provider.Order {
		p := k.provider.Payments[id]
		kept := p.Amount.Amount - p.Refunded - p.ByHand
		switch result := recorded[id]; {
		case p.Forgotten && result == "", p.Returned:
		case result == "":
			w.Fail("I4: payment %s of order %s was taken, and nobody knows of it", id, p.OrderID)
		case result == "applied" && (k.orders[p.OrderID].State != "PAID" || kept != p.Amount.Amount-parts[id]):
			w.Fail("I4: payment %s has paid order %s, which is %s, and %d of %d are kept",
				id, p.OrderID, k.orders[p.OrderID].State, kept, p.Amount.Amount)
		case result != "applied" && kept != 0:
			w.Fail("I4: payment %s is %s, and %d of it are not back", id, result, kept)
		}
	}
}

// sentByHand is a refund whose money a person has sent.
type sentByHand struct {
	ID        string `db:"id"`
	PaymentID string `db:"payment_id"`
	Amount    int64  `db:"amount"`
}

func (k *oracle) settledByHand() []sentByHand {
	return selectFrom[sentByHand](k, world.OrderBase, `SELECT id, payment_id, amount FROM refunds WHERE state = 'settled'`)
}

// settledTickets checks that exactly the paid orders have tickets.
func (k *oracle) settledTickets() {
	valid := map[string]int64{}
	for _, row := range selectFrom[struct {
		OrderID string `db:"order_id"`
		Valid   int64  `db:"valid"`
	}](k, world.TicketsBase, `SELECT order_id, COUNT(*) AS valid FROM tickets WHERE state = 'valid' GROUP BY order_id`) {
		valid[row.OrderID] = row.Valid
	}
	for _, id := range slices.Sorted(maps.Keys(k.orders)) {
		o := k.orders[id]
		want := o.Quantity
		if o.State != "PAID" {
			want = 0
		}
		if valid[id] != want {
			k.world.Fail("order %s of %d is %s and has %d valid tickets", id, o.Quantity, o.State, valid[id])
		}
	}
}

package inquiry

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/tickets"
)

// cancelledOrder is an order that was paid a second after it was bought, and cancelled by the office a minute after.
func (o *office) cancelledOrder() event.Order {
	o.t.Helper()
	b := o.bought("scr-1", "alice")
	o.add(b, Cancelled)
	dbtest.Exec(o.t, o.orderDB, `UPDATE orders SET cancel_reason = 'office', settled_at = ? WHERE id = ?`, b.CreatedAt+61_000, b.ID)
	o.pay(b, "pay-1", order.DefaultProvider, order.RefundDue, 9800)
	dbtest.Exec(o.t, o.orderDB, `UPDATE payments SET received_at = ?`, b.CreatedAt+1000)
	o.refund(b, "pay-1", order.OrderCancelled)
	return b
}

func (o *office) refund(b event.Order, paymentID string, reason order.RefundReason) {
	o.t.Helper()
	dbtest.Insert(o.t, o.orderDB, `refunds (id, payment_id, order_id, provider, amount, currency, reason, state, next_at, created_at, changed_at)`,
		"rf-"+paymentID, paymentID, b.ID, "webhook", 9800, "CNY", string(reason), "due", 1, b.CreatedAt+61_000, b.CreatedAt+61_000)
}

// A buyer asked why his order was cancelled though he had paid. Its timeline said neither that it had been paid, nor who had
// cancelled its screening, nor that its tickets had been issued and one of them used; and of the times it named no process.
func TestTimelineOfAnOrderWhoseScreeningIsCancelled(t *testing.T) {
	o := newOffice(t)
	b := o.cancelledOrder()
	at := func(ms int64) time.Time { return time.UnixMilli(b.CreatedAt + ms).UTC() }
	dbtest.Insert(t, o.stockDB, `operator_acts (id, at, actor, act, subject, note, actor_name, process)`,
		"1", b.CreatedAt+60_000, "0f3e", "screening_cancel", "scr-1", "no projector", "Olga", "shop, pid 7",
		"2", b.CreatedAt+60_000, "0f3e", "screening_change", "scr-1", "another time", "Olga", "shop, pid 7")
	o.let = tickets.History{
		Made: at(1100), MadeBy: "tickets, pid 5", IsVoid: true, Voided: at(61_500), VoidedBy: "tickets, pid 6",
		Entries: []tickets.PastEntry{{Number: 2, Of: 2, At: at(2000), Gate: "North", Staff: "sam", Process: "shop, pid 7"}},
	}
	o.outcomes = []mq.Stored{
		{MessageID: "m1", Sender: "10.0.0.1, pid 7", BornAt: at(1001), StoredAt: at(1002)},
		{MessageID: "m2", Sender: "10.0.0.2, pid 8", BornAt: at(61_001), StoredAt: at(61_002)},
	}
	o.advance(2 * time.Minute)
	var got []string
	for _, e := range o.history(b.ID).Entries {
		if e.Source != FromReservation && e.Source != FromRefund {
			got = append(got, strings.Join([]string{e.At.Sub(at(0)).String(), e.What, e.Process, e.Detail}, "|"))
		}
	}
	want := []string{
		"40ms|order_recorded||40ms after the purchase",
		"1s|money_received||9800 CNY by webhook, payment pay-1, said by callback-pay-1; now: refund_due",
		"1s|order_paid||by payment pay-1",
		"1.001s|outcome_published|10.0.0.1, pid 7|as message m1",
		"1.1s|tickets_issued|tickets, pid 5|",
		"2s|ticket_used|shop, pid 7|ticket 2 of 2, let in by sam; at gate North",
		"1m0s|operator_act|shop, pid 7|Olga (0f3e) did screening_cancel to scr-1: no projector",
		"1m1s|order_cancelled||reason: office",
		"1m1.001s|outcome_published|10.0.0.2, pid 8|as message m2",
		"1m1.5s|tickets_void|tickets, pid 6|",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the timeline is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What never paid an order is not said to have paid it, and a screening that was cancelled later has not cancelled it.
func TestTimelineSaysPaidOnlyOfWhatHasPaid(t *testing.T) {
	for name, change := range map[string]string{
		"unpaid":              `UPDATE orders SET cancel_reason = 'unpaid'`,
		"by its buyer":        `UPDATE orders SET cancel_reason = 'buyer'`,
		"came after":          `UPDATE payments SET received_at = received_at + 61000`,
		"another amount":      `UPDATE payments SET amount = amount + 1`,
		"for another order":   `UPDATE refunds SET reason = 'already_paid'`,
		"cancelled when made": `UPDATE orders SET recorded_at = settled_at`,
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			b := o.cancelledOrder()
			dbtest.Insert(t, o.stockDB, `operator_acts (id, at, actor, act, subject, note)`,
				"1", b.CreatedAt+62_000, "olga", "screening_cancel", "scr-1", "no projector")
			dbtest.Exec(t, o.orderDB, change)
			for _, e := range o.history(b.ID).Entries {
				if e.What == OrderPaid || e.What == OperatorAct {
					t.Errorf("%s: %s", e.What, e.Detail)
				}
			}
		})
	}
}

// A payment that came before its order has paid it when the order was made.
func TestTimelineOfAnOrderThatWasPaidBeforeItsRow(t *testing.T) {
	o := newOffice(t)
	b := o.cancelledOrder()
	dbtest.Exec(t, o.orderDB, `UPDATE payments SET received_at = ?`, b.CreatedAt+1)
	entries := o.history(b.ID).Entries
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.What == OrderPaid })
	if i < 0 || entries[i].At.UnixMilli() != b.CreatedAt+40 {
		t.Errorf("the order is paid at entry %d of %+v", i, entries)
	}
}

// Without the database of tickets an order is explained all the same, and the dossier says what is missing.
func TestDossierWithoutTickets(t *testing.T) {
	o := newOffice(t)
	b := o.bought("scr-1", "alice")
	o.add(b, Paid)
	o.letErr = tickets.ErrUnavailable
	if d := o.dossier(b.ID); !d.TicketsAway || d.Order == nil {
		t.Errorf("dossier %+v", d)
	}
	if o.letErr = nil; o.dossier(b.ID).TicketsAway {
		t.Error("tickets are said to be away, and are not")
	}
	o.letErr = errors.New("a defect")
	if d := o.dossier(b.ID); !d.TicketsAway {
		t.Error("a defect is not told")
	}
}

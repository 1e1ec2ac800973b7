package doctor

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/stock"
)

// maxNotes is how many payments of each kind a report notes.
const maxNotes = 1000

// examinePayments looks for payments that wait too long for their order, and notes those that have to be sent back.
func examinePayments(ctx context.Context, o Office, r *Report) error {
	if err := examineParked(ctx, o, r); err != nil {
		return err
	}
	refunds, err := o.Orders.RefundsDue(ctx, maxNotes)
	if err != nil {
		return err
	}
	r.note("refund_due", refunds)
	reused, err := o.Orders.ReusedPayments(ctx, maxNotes)
	if err != nil {
		return err
	}
	r.note("reused_payment_id", reused)
	return examineLedgers(ctx, o, r)
}

// examineLedgers looks for money that is nowhere, or twice.
func examineLedgers(ctx context.Context, o Office, r *Report) error {
	ledgers, err := o.Payments.Ledgers(ctx)
	if err != nil {
		return err
	}
	for _, l := range ledgers {
		if !l.Balanced() {
			r.add(Trouble{Kind: UnbalancedLedger, ID: l.Currency, Detail: fmt.Sprintf("received %d is not applied %d + refunded %d + "+
				"returning %d + parked %d, or the paid orders cost %d and got %d", l.Received, l.Applied, l.Refunded, l.Returning,
				l.Parked, l.OrdersDue, l.Applied+l.PartsBack)})
		}
	}
	return nil
}

// examineBooks looks for tickets that are sold and not paid for, or the other way round, unless lost messages explain it: it
// comes after all that looks at single orders. Stock's books are read first: what is settled meanwhile has just been settled.
func examineBooks(ctx context.Context, o Office, r *Report) error {
	for _, kind := range []Kind{MissingOrder, UnsettledOrder} {
		if r.Counts[kind] > 0 {
			return nil
		}
	}
	books, err := o.Stock.Books(ctx)
	if err != nil || books.Archiving {
		return err
	}
	ledgers, err := o.Payments.Ledgers(ctx)
	if err != nil {
		return err
	}
	for currency := range books.Of { // also one in which nothing was paid
		if !slices.ContainsFunc(ledgers, func(l payment.Ledger) bool { return l.Currency == currency }) {
			ledgers = append(ledgers, payment.Ledger{Currency: currency})
		}
	}
	for _, l := range ledgers {
		if sold := books.Of[l.Currency].SoldWorth; !l.AgreesWith(sold) {
			r.add(Trouble{Kind: LedgerAndStock, ID: l.Currency, Detail: fmt.Sprintf("the paid orders cost %d, and the tickets that stock has "+
				"sold %d", l.OrdersDue-l.ArchivedDue, sold)})
		}
	}
	return nil
}

// note adds a note for each payment.
func (r *Report) note(kind string, claims []order.Claim) {
	for _, c := range claims {
		r.Notes = append(r.Notes, Note{kind, c.PaymentID, c.OrderID, c.Amount.Amount, c.Amount.Currency, c.Since})
	}
}

// examineParked looks for payments that have waited for their order longer than a message takes. When the order's
// reservation is published again, they are applied: one for released tickets becomes a refund, and one for sold tickets
// pays the order, which is made anew.
func examineParked(ctx context.Context, o Office, r *Report) error {
	var last order.Claim
	for {
		page, err := o.Orders.PaymentsOf(ctx, order.Parked, last, pageSize)
		if err != nil || len(page) == 0 {
			return err
		}
		last = page[len(page)-1]
		ids := make([]string, len(page))
		for i, c := range page {
			ids[i] = c.OrderID
		}
		reservations, err := o.Stock.ReservationsOf(ctx, ids...)
		if err != nil {
			return err
		}
		late, err := o.Orders.AwaitTickets(ctx, ids)
		if err != nil {
			return err
		}
		for _, c := range page {
			switch age := o.Now().Sub(c.Since); {
			case age <= inFlight:
			case late[c.OrderID]:
				r.add(lateTrouble(c, age))
			default:
				r.add(parkedTrouble(c, age, reservations))
			}
		}
	}
}

// lateTrouble is the trouble of one payment that waits for stock's word about the tickets of its cancelled order.
func lateTrouble(c order.Claim, age time.Duration) Trouble {
	return Trouble{Kind: LatePayment, ID: c.PaymentID, Remedy: "ask for its tickets again", does: remedy{wanted: []string{c.OrderID}},
		Detail: fmt.Sprintf("%d %s waits since %s for the tickets of order %s, which was cancelled as unpaid",
			c.Amount.Amount, c.Amount.Currency, round(age), c.OrderID)}
}

// parkedTrouble is the trouble of one payment that waits, with what its reservation says of it.
func parkedTrouble(c order.Claim, age time.Duration, reservations map[string]stock.Reservation) Trouble {
	t := Trouble{Kind: ParkedPayment, ID: c.PaymentID, Detail: fmt.Sprintf("%d %s for order %s waits since %s",
		c.Amount.Amount, c.Amount.Currency, c.OrderID, round(age))}
	reservation, exists := reservations[c.OrderID]
	if !exists {
		t.Detail += ", and nothing is reserved for it: if no file of the archive has the order, have it refunded by " +
			"POST /v1/admin/payments/parked/" + url.PathEscape(c.PaymentID) + "/refund"
		return t
	}
	t.Detail += fmt.Sprintf(", and its reservation is %s", reservation.State)
	t.Remedy, t.does.republish = publishAgain, []string{c.OrderID}
	return t
}

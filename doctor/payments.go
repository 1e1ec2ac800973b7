package doctor

import (
	"context"
	"net/url"
	"slices"
	"time"

	"boxoffice/common/sentence"
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
	reused, err := o.Orders.Reused(ctx, maxNotes)
	if err != nil {
		return err
	}
	for _, p := range reused {
		r.note("reused_payment_id", []order.Claim{p.Claim})
	}
	if err := examineUnattended(ctx, o, r); err != nil {
		return err
	}
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
			money := func(minor int64) sentence.Amount { return sentence.Amount{Amount: minor, Currency: l.Currency} }
			r.add(Trouble{Kind: UnbalancedLedger, ID: l.Currency}.tells(sentence.New("ledger_sums",
				"received {received} is not applied {applied} + refunded {refunded} + returning {returning} + parked {parked} + unclear {unclear}, "+
					"or the paid orders cost {cost} and got {got}", "received", money(l.Received), "applied", money(l.Applied),
				"refunded", money(l.Refunded), "returning", money(l.Returning), "parked", money(l.Parked), "unclear", money(l.Unclear),
				"cost", money(l.OrdersDue), "got", money(l.Applied+l.PartsBack))))
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
			money := func(minor int64) sentence.Amount { return sentence.Amount{Amount: minor, Currency: l.Currency} }
			r.add(Trouble{Kind: LedgerAndStock, ID: l.Currency}.tells(sentence.New("books_differ",
				"the paid orders cost {cost}, and the tickets that stock has sold {sold}",
				"cost", money(l.OrdersDue-l.ArchivedDue), "sold", money(sold))))
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
	t := Trouble{Kind: LatePayment, ID: c.PaymentID}.tells(sentence.New("late_money_waits",
		"{amount} waits since {age} for the tickets of order {order}, which was cancelled as unpaid",
		"amount", sentence.Amount(c.Amount), "age", round(age), "order", c.OrderID))
	return t.mends(sentence.New("ask_again", "ask for its tickets again"), remedy{wanted: []string{c.OrderID}})
}

// parkedTrouble is the trouble of one payment that waits, with what its reservation says of it.
func parkedTrouble(c order.Claim, age time.Duration, reservations map[string]stock.Reservation) Trouble {
	t := Trouble{Kind: ParkedPayment, ID: c.PaymentID}.tells(sentence.New("money_waits", "{amount} for order {order} waits since {age}",
		"amount", sentence.Amount(c.Amount), "order", c.OrderID, "age", round(age)))
	reservation, exists := reservations[c.OrderID]
	if !exists {
		return t.tells(sentence.New("money_without_reservation", "nothing is reserved for it: if no file of the archive has the order, "+
			"have it refunded by POST /v1/admin/payments/parked/{path}/refund", "path", url.PathEscape(c.PaymentID)))
	}
	return t.publishesAgain(c.OrderID).tells(sentence.New("its_reservation_is", "its reservation is {state}",
		"state", sentence.Word{Kind: "tickets", Value: string(reservation.State)}))
}

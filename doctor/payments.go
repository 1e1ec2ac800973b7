package doctor

import (
	"context"
	"fmt"

	"boxoffice/order"
)

func examinePayments(ctx context.Context, o Office, r *Report) error {
	if err := examineParked(ctx, o, r); err != nil {
		return err
	}
	refunds, err := o.Orders.RefundsDue(ctx, notesMax)
	if err != nil {
		return err
	}
	r.note("refund_due", refunds)
	mismatched, err := o.Orders.PaymentsOf(ctx, order.Mismatch, notesMax)
	if err != nil {
		return err
	}
	r.note("mismatched_payment", mismatched)
	reused, err := o.Orders.ReusedPayments(ctx, notesMax)
	if err != nil {
		return err
	}
	r.note("reused_payment_id", reused)
	return nil
}

func (r *Report) note(kind string, claims []order.Claim) {
	for _, c := range claims {
		r.Notes = append(r.Notes, Note{kind, c.PaymentID, c.OrderID, c.Amount.Amount, c.Amount.Currency, c.Since})
	}
}

// examineParked looks at payments that wait for their order. Whatever makes the order move applies them too: when the
// reservation is published, one of released tickets becomes a refund, and one of sold tickets pays an order that is gone.
func examineParked(ctx context.Context, o Office, r *Report) error {
	parked, err := o.Orders.PaymentsOf(ctx, order.Parked, troublesMax)
	if err != nil {
		return err
	}
	for len(parked) > 0 {
		page := parked[:min(pageSize, len(parked))]
		parked = parked[len(page):]
		ids := make([]string, len(page))
		for i, c := range page {
			ids[i] = c.OrderID
		}
		reservations, err := o.Stock.ReservationsOf(ctx, ids...)
		if err != nil {
			return err
		}
		for _, c := range page {
			age := o.Now().Sub(c.Since)
			if age <= inFlight {
				continue
			}
			t := Trouble{Kind: ParkedPayment, ID: c.PaymentID, Detail: fmt.Sprintf("%d %s for order %s waits since %s", c.Amount.Amount, c.Amount.Currency, c.OrderID, round(age))}
			switch reservation, exists := reservations[c.OrderID]; {
			case !exists:
				t.Detail += ", and nothing was ever reserved for it: send the money back, and mark the payment as a mismatch"
			default:
				t.Detail += fmt.Sprintf(", and its reservation is %s", reservation.State)
				t.Remedy, t.orders = publishAgain, []string{c.OrderID}
			}
			r.add(t)
		}
	}
	return nil
}

package doctor

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/stock"
)

// examineReservations compares each reservation with its order, which is read after it. Orders only move forward and
// reservations follow them, so what a reservation says must be true of an order that is read later. Only when money comes
// late the tickets are first, and the order follows them.
func examineReservations(ctx context.Context, o Office, r *Report) error {
	for after := ""; ; {
		page, err := o.Stock.ReservationsAfter(ctx, after, pageSize)
		if err != nil || len(page) == 0 {
			return err
		}
		ids := make([]string, len(page))
		for i, reservation := range page {
			ids[i] = reservation.ID
		}
		after = ids[len(ids)-1]
		orders, err := o.Orders.Find(ctx, ids...)
		if err != nil {
			return err
		}
		settled, err := o.Orders.SettledAt(ctx, ids...)
		if err != nil {
			return err
		}
		for _, reservation := range page {
			bought, exists := orders[reservation.ID]
			switch {
			case !exists:
				examineWithoutOrder(o, r, reservation)
			case asSold(bought.Order) != asSold(reservation.Order):
				r.add(Trouble{Kind: Contradiction, ID: reservation.ID,
					Detail: fmt.Sprintf("the order %+v is not what is reserved, %+v", bought.Order, reservation.Order)})
			default:
				examineWithOrder(o, r, reservation, bought, settled[reservation.ID])
			}
		}
	}
}

// examineWithoutOrder judges a reservation that has no order.
func examineWithoutOrder(o Office, r *Report, reservation stock.Reservation) {
	age := o.Now().Sub(time.UnixMilli(reservation.CreatedAt))
	switch {
	case reservation.State == stock.Sold:
		r.add(Trouble{Kind: Contradiction, ID: reservation.ID, Detail: "its tickets are sold, and there is no order"})
	case reservation.State == stock.Released:
		r.add(Trouble{Kind: MissingOrder, ID: reservation.ID, Remedy: publishAgain, does: remedy{republish: []string{reservation.ID}},
			Detail: "its tickets were released, and there is no order that says so"})
	case age > inFlight:
		r.add(Trouble{Kind: MissingOrder, ID: reservation.ID, Remedy: publishAgain, does: remedy{republish: []string{reservation.ID}},
			Detail: fmt.Sprintf("reserved since %s, tickets: %d, of screening %s, and there is no order", round(age),
				reservation.Quantity, reservation.ScreeningID)})
	}
}

// examineWithOrder judges a reservation by the state of its order. settledAt is when the order became final.
func examineWithOrder(o Office, r *Report, reservation stock.Reservation, bought order.Order, settledAt time.Time) {
	if heldAgainAt := time.UnixMilli(reservation.ExpiresAt); reservation.LatePayment == event.LateRevived && heldAgainAt.After(settledAt) {
		settledAt = heldAgainAt
	}
	t := Trouble{ID: reservation.ID, Remedy: publishAgain, does: remedy{republish: []string{reservation.ID}}}
	switch {
	case reservation.State == stock.Sold && bought.CancelReason == order.CancelByOffice:
		if o.Now().Sub(settledAt) > inFlight {
			t.Kind, t.Detail = UnsettledOrder, "the office has cancelled the order, and its tickets are still sold"
			r.add(t)
		}
	case reservation.State == stock.Sold && bought.State != order.Paid:
		r.add(Trouble{Kind: Contradiction, ID: reservation.ID, Detail: fmt.Sprintf("its tickets are sold, the order is %s", bought.State)})
	case reservation.State == stock.Released && bought.LatePayment == event.LateRevived && o.Now().Sub(settledAt) <= inFlight:
	case reservation.State == stock.Released && bought.State != order.Cancelled:
		t.Kind, t.Detail = Contradiction, fmt.Sprintf("its tickets were released, the order is %s", bought.State)
		r.add(t)
	case reservation.State != stock.Held:
	case bought.State == order.PendingPayment:
		if o.Stock.IsStale(reservation) {
			t.Kind = StaleReservation
			t.Detail = fmt.Sprintf("unpaid, and %s past its deadline", round(o.Now().Sub(time.UnixMilli(reservation.ExpiresAt))))
			r.add(t)
		}
	case o.Now().Sub(settledAt) > inFlight:
		t.Kind = UnsettledOrder
		t.Detail = fmt.Sprintf("the order is %s since %s, its tickets are still reserved", bought.State, round(o.Now().Sub(settledAt)))
		r.add(t)
	}
}

// asSold is an order but for what changes later, on each side at another time: the deadline, when a payment starts, and what
// becomes of late money, once some has come.
func asSold(o event.Order) event.Order {
	o.ExpiresAt, o.LatePayment = 0, event.LateRefund
	return o
}

// examineOrders looks for orders without a reservation. A reservation is stored before its order, and archived after it,
// so an order that is read first must have one.
func examineOrders(ctx context.Context, o Office, r *Report) error {
	for after := ""; ; {
		ids, err := o.Orders.IDsAfter(ctx, after, pageSize)
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		reservations, err := o.Stock.ReservationsOf(ctx, ids...)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, exists := reservations[id]; !exists {
				r.add(Trouble{Kind: MissingReservation, ID: id, Detail: "nothing was reserved for this order"})
			}
		}
	}
}

package doctor

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/sentence"
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
		known, err := readTickets(ctx, o, ids)
		if err != nil {
			return err
		}
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
				r.add(Trouble{Kind: Contradiction, ID: reservation.ID}.tells(sentence.New("order_differs",
					"the order {order} is not what is reserved, {reserved}", "order", fmt.Sprintf("%+v", bought.Order),
					"reserved", fmt.Sprintf("%+v", reservation.Order))))
			default:
				examineWithOrder(o, r, reservation, bought, settled[reservation.ID])
				known.examine(r, bought, settled[reservation.ID])
			}
		}
	}
}

// examineWithoutOrder judges a reservation that has no order.
func examineWithoutOrder(o Office, r *Report, reservation stock.Reservation) {
	age := o.Now().Sub(time.UnixMilli(reservation.CreatedAt))
	missing := Trouble{Kind: MissingOrder, ID: reservation.ID}.publishesAgain(reservation.ID)
	switch {
	case reservation.State == stock.Sold:
		r.add(Trouble{Kind: Contradiction, ID: reservation.ID}.tells(
			sentence.New("sold_without_order", "its tickets are sold, and there is no order")))
	case reservation.State == stock.Released:
		r.add(missing.tells(sentence.New("released_without_order", "its tickets were released, and there is no order that says so")))
	case age > inFlight:
		r.add(missing.tells(sentence.New("reserved_without_order",
			"reserved since {age}, tickets: {count}, of screening {screening}, and there is no order", "count", reservation.Quantity,
			"screening", reservation.ScreeningID, "age", round(age))))
	}
}

// examineWithOrder judges a reservation by the state of its order. settledAt is when the order became final.
func examineWithOrder(o Office, r *Report, reservation stock.Reservation, bought order.Order, settledAt time.Time) {
	if heldAgainAt := time.UnixMilli(reservation.ExpiresAt); reservation.LatePayment == event.LateRevived && heldAgainAt.After(settledAt) {
		settledAt = heldAgainAt
	}
	mended := func(kind Kind, said sentence.Sentence) {
		r.add(Trouble{Kind: kind, ID: reservation.ID}.publishesAgain(reservation.ID).tells(said))
	}
	state := sentence.Word{Kind: "order_status", Value: string(bought.State)}
	switch {
	case reservation.State == stock.Sold && bought.CancelReason == order.CancelByOffice:
		if o.Now().Sub(settledAt) > inFlight {
			mended(UnsettledOrder, sentence.New("cancelled_and_sold", "the office has cancelled the order, and its tickets are still sold"))
		}
	case reservation.State == stock.Sold && bought.State != order.Paid:
		r.add(Trouble{Kind: Contradiction, ID: reservation.ID}.tells(
			sentence.New("sold_but_order", "its tickets are sold, the order is {state}", "state", state)))
	case reservation.State == stock.Released && bought.LatePayment == event.LateRevived && o.Now().Sub(settledAt) <= inFlight:
	case reservation.State == stock.Released && bought.State != order.Cancelled:
		mended(Contradiction, sentence.New("released_but_order", "its tickets were released, the order is {state}", "state", state))
	case reservation.State != stock.Held:
	case bought.State == order.PendingPayment:
		if o.Stock.IsStale(reservation) {
			mended(StaleReservation, sentence.New("unpaid_past_deadline", "unpaid, and {age} past its deadline",
				"age", round(o.Now().Sub(time.UnixMilli(reservation.ExpiresAt)))))
		}
	case o.Now().Sub(settledAt) > inFlight:
		mended(UnsettledOrder, sentence.New("final_but_reserved", "the order is {state} since {age}, its tickets are still reserved",
			"state", state, "age", round(o.Now().Sub(settledAt))))
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
				r.add(Trouble{Kind: MissingReservation, ID: id}.tells(
					sentence.New("nothing_reserved", "nothing was reserved for this order")))
			}
		}
	}
}

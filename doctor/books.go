package doctor

import (
	"context"
	"fmt"
	"time"

	"boxoffice/order"
	"boxoffice/stock"
)

const publishAgain = "publish its reservation again"

// examineScreenings compares each screening's counters with its reservations, which one statement reads together. Its
// orders stand in another database; they are shown, and compared one by one by the others.
func examineScreenings(ctx context.Context, o Office, r *Report) error {
	tickets, err := o.Orders.TicketsByState(ctx)
	if err != nil {
		return err
	}
	for after := ""; ; {
		accounts, err := o.Stock.Accounts(ctx, after, pageSize)
		if err != nil || len(accounts) == 0 {
			return err
		}
		for _, a := range accounts {
			after = a.ScreeningID
			of := tickets[a.ScreeningID]
			r.Screenings = append(r.Screenings, Screening{
				a.ScreeningID, a.Capacity, a.Available, a.Reserved, a.Sold, a.HeldSum, a.SoldSum,
				of[order.PendingPayment], of[order.Paid], of[order.Cancelled],
			})
			if !a.Balanced() {
				r.add(Trouble{Kind: UnbalancedStock, ID: a.ScreeningID, Detail: fmt.Sprintf(
					"capacity %d is counted as %d available, %d reserved, %d sold, but reservations hold %d and have sold %d",
					a.Capacity, a.Available, a.Reserved, a.Sold, a.HeldSum, a.SoldSum)})
			}
		}
	}
}

// examineReservations looks at each reservation and then at its order. Orders only move forward and reservations follow
// them, so what a reservation says must be true of an order that is read later.
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
				examineOrphan(o, r, reservation)
			case bought.Order != reservation.Order:
				r.add(Trouble{Kind: Contradiction, ID: reservation.ID,
					Detail: fmt.Sprintf("the order %+v is not what is reserved, %+v", bought.Order, reservation.Order)})
			default:
				examinePair(o, r, reservation, bought, settled[reservation.ID])
			}
		}
	}
}

// examineOrphan judges a reservation that has no order.
func examineOrphan(o Office, r *Report, reservation stock.Reservation) {
	age := o.Now().Sub(time.UnixMilli(reservation.CreatedAt))
	switch {
	case reservation.State == stock.Sold:
		r.add(Trouble{Kind: Contradiction, ID: reservation.ID, Detail: "its tickets are sold, and there is no order"})
	case reservation.State == stock.Released:
		r.add(Trouble{Kind: MissingOrder, ID: reservation.ID, Remedy: publishAgain, orders: []string{reservation.ID},
			Detail: "its tickets were released, and there is no order that says so"})
	case age > inFlight:
		r.add(Trouble{Kind: MissingOrder, ID: reservation.ID, Remedy: publishAgain, orders: []string{reservation.ID},
			Detail: fmt.Sprintf("%d tickets of %s are reserved since %s, and there is no order", reservation.Quantity, reservation.ScreeningID, round(age))})
	}
}

func examinePair(o Office, r *Report, reservation stock.Reservation, bought order.Order, settledAt time.Time) {
	t := Trouble{ID: reservation.ID, Remedy: publishAgain, orders: []string{reservation.ID}}
	switch {
	case reservation.State == stock.Sold && bought.State != order.Paid:
		r.add(Trouble{Kind: Contradiction, ID: reservation.ID, Detail: fmt.Sprintf("its tickets are sold, the order is %s", bought.State)})
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

// examineOrders looks for orders that nothing was reserved for. A reservation is there before anything is said of its
// order, and goes to the archive after it.
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

// examineArchives looks for screenings on whose way into the archive, or out of it, a process has stopped. Their orders
// are in the file, and some of them are not in the databases.
func examineArchives(ctx context.Context, o Office, r *Report) error {
	archives, err := o.Stock.UnfinishedArchives(ctx)
	for _, a := range archives {
		r.add(Trouble{Kind: UnfinishedArchive, ID: a.ScreeningID, Detail: fmt.Sprintf(
			"nobody is at work on it: run boxoffice archive, or restore it, where the file %s is", a.File)})
	}
	return err
}

func round(d time.Duration) time.Duration { return d.Round(time.Second) }

package inquiry

import (
	"context"

	"boxoffice/order"
	"boxoffice/stock"
)

const (
	pageRows = 500 // reservations that are read at once

	// scanMax is how many reservations one page of a search walks past. A status is not in the index that a search walks
	// along, because such an index costs each order a fifth of what it costs the order database.
	scanMax = 20 * pageRows
)

// matches tells whether an order is selected.
func (f Filter) matches(found Found) bool {
	return (f.OrderID == "" || f.OrderID == found.ID) && (f.BuyerID == "" || f.BuyerID == found.BuyerID) &&
		(f.ScreeningID == "" || f.ScreeningID == found.ScreeningID) && (f.Status == "" || f.Status == found.Status)
}

// Search returns up to limit orders, the newest first, and the cursor of those that follow; empty at the end. Whoever asks
// for a status that few orders have may get fewer, or none, with a cursor to go on with. Archived orders are not found.
func (d *Desk) Search(ctx context.Context, f Filter, cursor string, limit int) (items []Found, next string, err error) {
	last, err := afterCursor(cursor, f)
	if err != nil {
		return nil, "", err
	}
	if f.OrderID != "" || f.PaymentID != "" {
		items, err = d.searchByID(ctx, f)
		return items, "", err
	}
	size := limit + 1
	if f.Status != "" {
		size = pageRows
	}
	for scanned := 0; scanned < scanMax; {
		page, err := d.stock.Search(ctx, stock.Search{BuyerID: f.BuyerID, ScreeningID: f.ScreeningID}, last, size)
		if err != nil {
			return nil, "", err
		}
		joined, _, err := d.join(ctx, page)
		if err != nil {
			return nil, "", err
		}
		for i, found := range joined {
			if f.matches(found) {
				if len(items) == limit {
					return items, last.Cursor(f.tag()), nil
				}
				items = append(items, found)
			}
			last = stock.PositionOf(page[i])
		}
		if len(page) < size {
			return items, "", nil
		}
		scanned += len(page)
	}
	return items, last.Cursor(f.tag()), nil
}

// searchByID finds orders of which the id, or a payment, is known.
func (d *Desk) searchByID(ctx context.Context, f Filter) ([]Found, error) {
	ids := []string{f.OrderID}
	if f.PaymentID != "" {
		var err error
		if ids, err = d.payments.OrdersOf(ctx, f.PaymentID); err != nil || len(ids) == 0 {
			return nil, err
		}
		ids = ids[:min(len(ids), pageRows)]
	}
	reservations, err := d.stock.ReservationsOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	rows, err := d.orders.Details(ctx, ids...)
	if err != nil {
		return nil, err
	}
	var items []Found
	for _, id := range ids {
		found := newFound(pointer(reservations, id), pointer(rows, id))
		if found.ID != "" && f.matches(found) {
			items = append(items, found)
		}
	}
	return items, nil
}

// join reads the orders of reservations, and puts each beside its own.
func (d *Desk) join(ctx context.Context, reservations []stock.Reservation) ([]Found, map[string]order.Details, error) {
	if len(reservations) == 0 {
		return nil, nil, nil
	}
	ids := make([]string, len(reservations))
	for i, r := range reservations {
		ids[i] = r.ID
	}
	rows, err := d.orders.Details(ctx, ids...)
	if err != nil {
		return nil, nil, err
	}
	joined := make([]Found, len(reservations))
	for i := range reservations {
		joined[i] = newFound(&reservations[i], pointer(rows, ids[i]))
	}
	return joined, rows, nil
}

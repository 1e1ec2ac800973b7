package inquiry

import (
	"context"
	"time"

	"boxoffice/common/keyset"
	"boxoffice/order"
	"boxoffice/stock"
)

// Row is an order with its money, as it is exported.
type Row struct {
	Found
	order.MoneyOf
}

// Period is a time span: From <= a purchase < Until. A zero time does not bound it.
type Period struct{ From, Until time.Time }

// Export passes the orders of a screening, or of all, and of a status, or of any, that were bought in a period to page, the
// oldest first and some hundred at a time, so that memory does not grow with them. page is called with no rows where a
// stretch of orders has none of the status: whoever writes them out sees that it goes on. Archived orders are left out. It
// fails with ErrBusy when too many exports run, and with ErrClosed in the middle of one when the office stops.
func (d *Desk) Export(ctx context.Context, f Filter, period Period, page func([]Row) error) error {
	select {
	case d.exports <- struct{}{}:
		defer func() { <-d.exports }()
	default:
		return ErrBusy
	}
	search := stock.Search{ScreeningID: f.ScreeningID, From: period.From, Until: period.Until, OldestFirst: true}
	for last := (keyset.Position{}); ; {
		select {
		case <-d.closed:
			return ErrClosed
		default:
		}
		reservations, err := d.stock.Search(ctx, search, last, pageRows)
		if err != nil || len(reservations) == 0 {
			return err
		}
		last = stock.PositionOf(reservations[len(reservations)-1])
		joined, details, err := d.join(ctx, reservations)
		if err != nil {
			return err
		}
		money, err := d.orders.MoneyFor(ctx, details)
		if err != nil {
			return err
		}
		rows := make([]Row, 0, len(joined))
		for _, found := range joined {
			if f.matches(found) {
				rows = append(rows, Row{found, money[found.ID]})
			}
		}
		if err := page(rows); err != nil {
			return err
		}
	}
}

package tickets

import (
	"context"
	"fmt"

	"boxoffice/common/db"
	"boxoffice/purge"
)

const (
	purgeScreenings = 100
	purgeOrders     = 50 // in one transaction, each with at most a hundred tickets, so that nobody waits for it long
)

// Purge deletes the tickets of screenings whose orders are gone, and returns how many: nobody can ask for them any more. Who
// came in is kept: an order that comes back from the archive gets new tickets, with the same codes, and used ones are used.
// Tickets of an order that is still there would be made anew, and used ones be valid again: so they stay.
func (t *Tickets) Purge(ctx context.Context, gone purge.Gone) (deleted int64, err error) {
	deleted, err = purge.Rows{Orders: t.Orders, Screenings: t.screenings, OrdersOf: t.ordersOf, Delete: t.deleteOrders}.Purge(ctx, gone)
	return deleted, t.unavailable(err)
}

func (t *Tickets) screenings(ctx context.Context, after string) (ids []string, err error) {
	err = t.db.Reader().SelectContext(ctx, &ids, `SELECT DISTINCT screening_id FROM ticket_orders WHERE screening_id > ?
		ORDER BY screening_id LIMIT ?`, after, purgeScreenings)
	return ids, err
}

func (t *Tickets) ordersOf(ctx context.Context, screeningID, after string) (ids []string, err error) {
	err = t.db.Reader().SelectContext(ctx, &ids, `SELECT order_id FROM ticket_orders WHERE screening_id = ? AND order_id > ?
		ORDER BY order_id LIMIT ?`, screeningID, after, purgeOrders)
	return ids, err
}

// deleteOrders deletes orders each together with its tickets, since an order without them would seem unpaid, and returns how
// many tickets. Who came in is either in the tickets or among the past entries, wherever it is stopped.
func (t *Tickets) deleteOrders(ctx context.Context, ids []string) (deleted int64, err error) {
	err = t.db.InTx(ctx, func(tx *db.Tx) error {
		if err := keepEntries(ctx, tx, ids); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `DELETE FROM tickets WHERE order_id IN `+db.In(len(ids)), db.Args(ids)...)
		if err != nil {
			return err
		}
		if deleted, err = result.RowsAffected(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM ticket_orders WHERE order_id IN `+db.In(len(ids)), db.Args(ids)...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete orders with their tickets: %w", err)
	}
	return deleted, nil
}

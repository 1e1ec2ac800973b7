package tickets

import (
	"context"
	"fmt"
	"slices"
	"time"

	"boxoffice/common/db"
)

const (
	purgeScreenings = 100
	purgeOrders     = 50 // in one transaction, each with at most a hundred tickets, so that nobody waits for it long
)

// PurgeEvery purges now and after each pause until ctx ends. gone tells whether the orders of a screening are in
// the archive and nowhere else.
func (t *Tickets) PurgeEvery(ctx context.Context, pause time.Duration, gone func(context.Context, string) (bool, error)) {
	for {
		n, err := t.Purge(ctx, gone)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			t.Log.WarnContext(ctx, "purge tickets: it is tried again later", "error", err)
		case n > 0:
			t.Log.InfoContext(ctx, "purged tickets of archived screenings", "tickets", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Purge deletes the tickets of screenings whose orders are gone, and returns how many: nobody can ask for them any more. Who
// came in is kept: an order that comes back from the archive gets new tickets, with the same codes, and used ones are used.
func (t *Tickets) Purge(ctx context.Context, gone func(context.Context, string) (bool, error)) (deleted int64, err error) {
	for after := ""; ; {
		var ids []string
		if err := t.db.Reader().SelectContext(ctx, &ids, `SELECT DISTINCT screening_id FROM ticket_orders WHERE screening_id > ?
			ORDER BY screening_id LIMIT ?`, after, purgeScreenings); err != nil {
			return deleted, t.unavailable(fmt.Errorf("read screenings with tickets: %w", err))
		}
		for _, id := range ids {
			isGone, err := gone(ctx, id)
			if err != nil {
				return deleted, fmt.Errorf("ask for screening %s: %w", id, err)
			}
			if !isGone {
				continue
			}
			n, err := t.purgeScreening(ctx, id)
			deleted += n
			if err != nil {
				return deleted, t.unavailable(err)
			}
		}
		if len(ids) < purgeScreenings {
			return deleted, nil
		}
		after = ids[len(ids)-1]
	}
}

// purgeScreening deletes the tickets of a screening's orders, a few orders at a time and each together with its tickets: an
// order without them would seem unpaid. What the order service still has stays, whatever was said of its screening, since
// its tickets would be made anew, and used ones be valid again.
func (t *Tickets) purgeScreening(ctx context.Context, screeningID string) (deleted int64, err error) {
	for after := ""; ; {
		var ids []string
		if err := t.db.Reader().SelectContext(ctx, &ids, `SELECT order_id FROM ticket_orders WHERE screening_id = ? AND order_id > ?
			ORDER BY order_id LIMIT ?`, screeningID, after, purgeOrders); err != nil {
			return deleted, fmt.Errorf("read orders to purge: %w", err)
		}
		if len(ids) == 0 {
			return deleted, nil
		}
		after = ids[len(ids)-1]
		present, err := t.Orders.Find(ctx, ids...)
		if err != nil {
			return deleted, fmt.Errorf("ask for orders to purge: %w", err)
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { _, exists := present[id]; return exists })
		n, err := t.deleteOrders(ctx, ids)
		if err != nil {
			return deleted, err
		}
		deleted += n
	}
}

// deleteOrders deletes orders with their tickets, and returns how many tickets. Who came in is either in the tickets or
// among the past entries, wherever it is stopped.
func (t *Tickets) deleteOrders(ctx context.Context, ids []string) (deleted int64, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
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

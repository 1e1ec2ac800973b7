package tickets

import (
	"context"
	"fmt"
	"slices"

	"boxoffice/common/db"
)

// keepEntries keeps of the tickets of orders that are about to be deleted who came in by them. What it writes at first
// changes nothing that is kept: it holds the rows against a door that is open all the same.
func keepEntries(ctx context.Context, tx *db.Tx, orderIDs []string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE tickets SET used_key = '' WHERE order_id IN `+db.In(len(orderIDs)), db.Args(orderIDs)...); err != nil {
		return fmt.Errorf("hold tickets: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO past_entries (screening_id, order_id, number, quantity, state, used_at, used_by, used_gate)
		SELECT screening_id, order_id, number, quantity, state, used_at, used_by, used_gate FROM tickets
		WHERE used_at IS NOT NULL AND order_id IN `+db.In(len(orderIDs)), db.Args(orderIDs)...); err != nil {
		return fmt.Errorf("keep who came in: %w", err)
	}
	return nil
}

// takeEntries takes out who came in by the tickets of orders that are back from the archive. Others have none: most orders
// are new, and those of a screening that is on sale are looked for where nothing is.
func takeEntries(ctx context.Context, tx *db.Tx, orders []knownOrder) ([]ticketRow, error) {
	byScreening := map[string][]string{}
	for _, o := range orders {
		byScreening[o.screeningID] = append(byScreening[o.screeningID], o.id)
	}
	var taken []ticketRow
	for screeningID, ids := range byScreening {
		condition, args := ` WHERE screening_id = ? AND order_id IN `+db.In(len(ids)), slices.Concat([]any{screeningID}, db.Args(ids))
		var rows []ticketRow
		if err := tx.SelectContext(ctx, &rows, `SELECT screening_id, order_id, number, quantity, state, used_at, used_by, used_gate
			FROM past_entries`+condition, args...); err != nil {
			return nil, fmt.Errorf("read who came in: %w", err)
		}
		if len(rows) == 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM past_entries`+condition, args...); err != nil {
			return nil, fmt.Errorf("take out who came in: %w", err)
		}
		taken = append(taken, rows...)
	}
	return taken, nil
}

// insertUsed makes tickets again by which somebody came in. Those of an order that was cancelled meanwhile are void.
func insertUsed(ctx context.Context, tx *db.Tx, rows []ticketRow, orders []knownOrder) error {
	var values []any
	for _, r := range rows {
		if slices.ContainsFunc(orders, func(o knownOrder) bool { return o.id == r.OrderID && o.state == orderVoid }) {
			r.State = Void
		}
		values = append(values, ticketID(r.OrderID, r.Number), r.OrderID, r.ScreeningID, r.Number, r.Quantity, string(r.State),
			r.UsedAt.Int64, r.UsedBy, r.UsedGate)
	}
	if len(values) == 0 {
		return nil
	}
	if err := tx.Insert(ctx, `tickets (id, order_id, screening_id, number, quantity, state, used_at, used_by, used_gate)`, values); err != nil {
		return fmt.Errorf("make used tickets again: %w", err)
	}
	return nil
}

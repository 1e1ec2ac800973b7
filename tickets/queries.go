package tickets

import (
	"context"
	"fmt"
)

// OfOrder returns the tickets of an order with their codes, in the order of their numbers. Those of a paid order that has
// none, because its message is late or lost, are made then and there. It fails with ErrNotPaid for an order that has never
// been paid, and for one that was cancelled before it had tickets. If the order service is away, it shows what is known.
func (t *Tickets) OfOrder(ctx context.Context, orderID string) ([]Ticket, error) {
	followErr := t.followSoon(ctx, orderID)
	rows, err := readTickets(ctx, t.db, `WHERE order_id = ? ORDER BY number`, orderID)
	switch {
	case err != nil:
		return nil, t.unavailable(err)
	case len(rows) == 0 && followErr != nil:
		return nil, followErr
	case len(rows) == 0:
		return nil, ErrNotPaid
	}
	found := make([]Ticket, len(rows))
	for i, row := range rows {
		found[i] = row.ticket()
		found[i].Code = t.Keys.sign(seat{row.OrderID, row.ScreeningID, row.Number})
	}
	return found, nil
}

// Known returns for each of these orders of which something is known whether its tickets let anybody in; those of the others
// are void.
func (t *Tickets) Known(ctx context.Context, orderIDs ...string) (map[string]bool, error) {
	states, err := readStates(ctx, t.db, orderIDs)
	if err != nil {
		return nil, t.unavailable(err)
	}
	known := make(map[string]bool, len(states))
	for id, state := range states {
		known[id] = state == orderIssued
	}
	return known, nil
}

// OfScreening returns up to limit tickets of a screening, without codes, by their ids, after afterID; next is where the rest
// begins, or empty.
func (t *Tickets) OfScreening(ctx context.Context, screeningID, afterID string, limit int) (found []Ticket, next string, err error) {
	rows, err := readTickets(ctx, t.db, `WHERE screening_id = ? AND id > ? ORDER BY id LIMIT ?`, screeningID, afterID, limit+1)
	if err != nil {
		return nil, "", t.unavailable(err)
	}
	if len(rows) > limit {
		rows, next = rows[:limit], rows[limit-1].ID
	}
	found = make([]Ticket, len(rows))
	for i, row := range rows {
		found[i] = row.ticket()
	}
	return found, next, nil
}

// Counts is how many tickets of a screening there are by their state.
type Counts struct{ Valid, Used, Void int64 }

// countSelect reads an index alone, in its order: every door asks every few seconds.
const countSelect = `SELECT state, COUNT(*) AS n FROM tickets WHERE screening_id = ? GROUP BY state`

// pastSelect counts those that were deleted since their orders are in the archive, of which the used ones are known.
const pastSelect = `SELECT state, COUNT(*) AS n FROM past_entries WHERE screening_id = ? GROUP BY state`

// Count counts the tickets of a screening.
func (t *Tickets) Count(ctx context.Context, screeningID string) (counts Counts, err error) {
	for _, query := range []string{countSelect, pastSelect} {
		var rows []struct {
			State State `db:"state"`
			N     int64 `db:"n"`
		}
		if err := t.db.Reader().SelectContext(ctx, &rows, query, screeningID); err != nil {
			return Counts{}, t.unavailable(fmt.Errorf("count tickets: %w", err))
		}
		for _, row := range rows {
			switch row.State {
			case Valid:
				counts.Valid += row.N
			case Used:
				counts.Used += row.N
			case Void:
				counts.Void += row.N
			}
		}
	}
	return counts, nil
}

package tickets

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// History is what happened to the tickets of an order, for whoever explains the order. Of what an earlier version wrote a
// process is not known, nor when tickets became void: they are empty and zero.
type History struct {
	Made     time.Time // zero: none are known
	MadeBy   string
	IsVoid   bool // they let nobody in, or must never be made
	Voided   time.Time
	VoidedBy string
	Entries  []PastEntry // by the number of the ticket
}

// PastEntry is somebody who came in by one of the tickets.
type PastEntry struct {
	Number  int
	Of      int // tickets of the order
	At      time.Time
	Gate    string
	Staff   string
	Process string
}

// orderHistory is a row of ticket_orders with what has happened.
type orderHistory struct {
	State     orderState `db:"state"`
	CreatedAt int64      `db:"created_at"`
	MadeBy    string     `db:"made_by"`
	VoidedAt  int64      `db:"voided_at"`
	VoidedBy  string     `db:"voided_by"`
	Tickets   int        `db:"tickets"`
}

// HistoryOf returns what happened to the tickets of an order so far: unlike OfOrder it makes none. Of an order that is in the
// archive it knows who came in.
func (t *Tickets) HistoryOf(ctx context.Context, orderID, screeningID string) (h History, err error) {
	var row orderHistory
	err = t.db.Reader().GetContext(ctx, &row, `SELECT state, created_at, made_by, voided_at, voided_by,
		(SELECT COUNT(*) FROM tickets t WHERE t.order_id = o.order_id) AS tickets FROM ticket_orders o WHERE order_id = ?`, orderID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return History{}, t.unavailable(fmt.Errorf("read what happened to tickets: %w", err))
	default:
		h.fill(row)
	}
	var entries []struct {
		ticketRow
		Process string `db:"used_process"`
	}
	err = t.db.Reader().SelectContext(ctx, &entries, `SELECT number, quantity, used_at, used_by, used_gate, used_process FROM tickets
		WHERE order_id = ? AND used_at IS NOT NULL
		UNION ALL SELECT number, quantity, used_at, used_by, used_gate, '' FROM past_entries WHERE screening_id = ? AND order_id = ?
		ORDER BY number`, orderID, screeningID, orderID)
	if err != nil {
		return History{}, t.unavailable(fmt.Errorf("read who came in: %w", err))
	}
	for _, e := range entries {
		h.Entries = append(h.Entries, PastEntry{e.Number, e.Quantity, e.ticket().UsedAt, e.UsedGate, e.UsedBy, e.Process})
	}
	return h, nil
}

func (h *History) fill(row orderHistory) {
	h.IsVoid, h.VoidedBy = row.State == orderVoid, row.VoidedBy
	if row.VoidedAt > 0 {
		h.Voided = time.UnixMilli(row.VoidedAt).UTC()
	}
	if row.Tickets > 0 { // an order that must never get any has a row without tickets
		h.Made, h.MadeBy = time.UnixMilli(row.CreatedAt).UTC(), row.MadeBy
	}
}

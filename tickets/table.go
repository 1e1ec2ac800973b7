package tickets

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"boxoffice/common/db"
)

// orderState is what is known of an order here.
type orderState string

const (
	orderIssued orderState = "issued"
	orderVoid   orderState = "void"
)

// readStates reads what is known of orders; absent ones are absent from the answer.
func readStates(ctx context.Context, d *db.DB, ids []string) (map[string]orderState, error) {
	type row struct {
		OrderID string     `db:"order_id"`
		State   orderState `db:"state"`
	}
	rows, err := db.SelectIn[row](ctx, d.Reader(), `SELECT order_id, state FROM ticket_orders WHERE order_id IN (?)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read orders with tickets: %w", err)
	}
	states := make(map[string]orderState, len(ids))
	for _, r := range rows {
		states[r.OrderID] = r.State
	}
	return states, nil
}

// insertOrders records orders of which nothing was known, each with the state that its screening id stands by.
func insertOrders(ctx context.Context, tx *db.Tx, orders []knownOrder, by doer) error {
	values := make([]any, 0, 7*len(orders))
	for _, o := range orders {
		values = append(values, o.id, o.screeningID, string(o.state), by.at.UnixMilli())
		if o.state == orderVoid { // it never gets any
			values = append(values, "", by.at.UnixMilli(), by.process)
		} else {
			values = append(values, by.process, 0, "")
		}
	}
	if err := tx.Insert(ctx, `ticket_orders (order_id, screening_id, state, created_at, made_by, voided_at, voided_by)`, values); err != nil {
		return fmt.Errorf("record orders: %w", err)
	}
	return nil
}

// doer is which process writes, and when.
type doer struct {
	process string
	at      time.Time
}

// knownOrder is a row of ticket_orders.
type knownOrder struct {
	id, screeningID string
	state           orderState
}

// insertTickets makes the tickets of orders that were just recorded.
func insertTickets(ctx context.Context, tx *db.Tx, made []Ticket) error {
	values := make([]any, 0, 6*len(made))
	for _, t := range made {
		values = append(values, t.ID, t.OrderID, t.ScreeningID, t.Number, t.Of, string(t.State))
	}
	if err := tx.Insert(ctx, `tickets (id, order_id, screening_id, number, quantity, state)`, values); err != nil {
		return fmt.Errorf("make tickets: %w", err)
	}
	return nil
}

// voidOrders makes the tickets of orders void, used or not, or fails with db.ErrConflict when one of the orders is void
// already.
func voidOrders(ctx context.Context, tx *db.Tx, ids []string, by doer) error {
	if err := tx.ChangeEach(ctx, `UPDATE ticket_orders SET state = 'void', voided_at = ?, voided_by = ?
		WHERE state = 'issued' AND order_id IN (?)`, ids, by.at.UnixMilli(), by.process); err != nil {
		return fmt.Errorf("void orders: %w", err)
	}
	if err := tx.ExecIn(ctx, `UPDATE tickets SET state = 'void' WHERE order_id IN (?)`, ids); err != nil {
		return fmt.Errorf("void tickets: %w", err)
	}
	return nil
}

// use marks a ticket as used if it is valid: of two gates at once one does. The row then says which.
func use(ctx context.Context, tx *db.Tx, id string, e Entry, by doer) error {
	if _, err := tx.ExecContext(ctx, `UPDATE tickets SET state = 'used', used_at = ?, used_by = ?, used_gate = ?, used_key = ?, used_process = ?
		WHERE id = ? AND state = 'valid'`, by.at.UnixMilli(), e.Staff, e.Gate, e.Key, by.process, id); err != nil {
		return fmt.Errorf("use ticket: %w", err)
	}
	return nil
}

// ticketRow is a row of tickets.
type ticketRow struct {
	ID          string        `db:"id"`
	OrderID     string        `db:"order_id"`
	ScreeningID string        `db:"screening_id"`
	Number      int           `db:"number"`
	Quantity    int           `db:"quantity"`
	State       State         `db:"state"`
	UsedAt      sql.NullInt64 `db:"used_at"`
	UsedBy      string        `db:"used_by"`
	UsedGate    string        `db:"used_gate"`
	UsedKey     string        `db:"used_key"`
}

func (r ticketRow) ticket() Ticket {
	t := Ticket{
		ID: r.ID, OrderID: r.OrderID, ScreeningID: r.ScreeningID, Number: r.Number, Of: r.Quantity, State: r.State, UsedGate: r.UsedGate,
	}
	if r.UsedAt.Valid {
		t.UsedAt = time.UnixMilli(r.UsedAt.Int64).UTC()
	}
	return t
}

// readTickets reads the tickets that a condition selects.
func readTickets(ctx context.Context, d *db.DB, condition string, args ...any) ([]ticketRow, error) {
	var rows []ticketRow
	if err := d.Reader().SelectContext(ctx, &rows, strings.Join([]string{
		`SELECT id, order_id, screening_id, number, quantity, state, used_at, used_by, used_gate, used_key FROM tickets`, condition,
	}, " "), args...); err != nil {
		return nil, fmt.Errorf("read tickets: %w", err)
	}
	return rows, nil
}

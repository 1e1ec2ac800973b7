package order

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/event"
)

// Find reads orders by id; those that do not exist are absent from the answer.
func (o *Orders) Find(ctx context.Context, ids ...string) (map[string]Order, error) {
	orders, err := readOrders(ctx, o.db.Reader(), ids)
	return orders, o.unavailable(err)
}

// Totals counts the payments that paid no order, and the refunds that are due.
type Totals struct {
	Parked     int64 // payments that wait for their order
	Mismatched int64 // payments of a wrong amount or currency
	Reused     int64 // payments that came with the id of another one, and that nobody has settled
	RefundsDue int64 // whose money is not back yet
	Attention  int64 // refunds among them that need a person
}

// Totals counts payments and refunds. SQLite uses its partial index only when the query repeats the index's condition,
// result <> 'applied', or the states of refunds that are not back.
func (o *Orders) Totals(ctx context.Context) (Totals, error) {
	var row struct {
		Parked     int64 `db:"parked"`
		Mismatched int64 `db:"mismatched"`
		Reused     int64 `db:"reused"`
		RefundsDue int64 `db:"refunds_due"`
		Attention  int64 `db:"attention"`
	}
	err := o.db.Reader().GetContext(ctx, &row, `SELECT
		(SELECT COUNT(*) FROM payments WHERE result = 'parked' AND result <> 'applied') AS parked,
		(SELECT COUNT(*) FROM payments WHERE result = 'mismatch' AND result <> 'applied') AS mismatched,
		(SELECT COUNT(*) FROM reused_payments WHERE settled_at = 0) AS reused,
		(SELECT COUNT(*) FROM refunds WHERE state IN ('due', 'sent', 'failed', 'needs_attention')) AS refunds_due,
		(SELECT COUNT(*) FROM refunds WHERE state IN ('due', 'sent', 'failed', 'needs_attention') AND state = 'needs_attention') AS attention`)
	if err != nil {
		return Totals{}, o.unavailable(fmt.Errorf("count payments: %w", err))
	}
	return Totals(row), nil
}

// AwaitTickets tells for which of these orders money waits until stock says whether their tickets are still there.
func (o *Orders) AwaitTickets(ctx context.Context, ids []string) (map[string]bool, error) {
	known, err := db.SelectIn[string](ctx, o.db.Reader(), `SELECT order_id FROM revivals WHERE order_id IN (?)`, ids)
	if err != nil {
		return nil, o.unavailable(fmt.Errorf("read revivals: %w", err))
	}
	waits := make(map[string]bool, len(known))
	for _, id := range known {
		waits[id] = true
	}
	return waits, nil
}

// Claim is a payment whose money somebody may have to send back.
type Claim struct {
	PaymentID string
	OrderID   string
	Amount    event.Money
	Since     time.Time
}

// PaymentsOf returns up to limit payments with this result, the oldest first, that follow after another one, whatever has
// become of it; the zero Claim is before the first. It finds none for Applied.
func (o *Orders) PaymentsOf(ctx context.Context, result PaymentResult, after Claim, limit int) ([]Claim, error) {
	since := after.Since.UnixMilli()
	return o.claims(ctx, `SELECT id AS payment_id, order_id, amount, currency, received_at AS since FROM payments
		WHERE result = ? AND result <> 'applied' AND received_at >= ? AND (received_at > ? OR id > ?)
		ORDER BY received_at, id LIMIT ?`, string(result), since, since, after.PaymentID, limit)
}

// RefundsDue returns up to limit refunds that wait to be sent, or for a person, the oldest first.
func (o *Orders) RefundsDue(ctx context.Context, limit int) ([]Claim, error) {
	return o.claims(ctx, refundsDueSelect(), limit, limit, limit, limit)
}

// refundsDueSelect reads of each state no more than it returns: an index gives them in their order, and the databases give
// those of several states only by sorting all. SQLite uses its partial index only when the query repeats the index's condition.
func refundsDueSelect() string {
	var each []string
	for _, state := range []string{"due", "failed", "needs_attention"} {
		each = append(each, `SELECT * FROM (SELECT id, payment_id, order_id, amount, currency, created_at AS since FROM refunds
			WHERE state IN ('due', 'failed', 'needs_attention') AND state = '`+state+`' ORDER BY created_at, id LIMIT ?) AS `+state)
	}
	return `SELECT payment_id, order_id, amount, currency, since FROM (` + strings.Join(each, ` UNION ALL `) + `) AS waiting
		ORDER BY since, id LIMIT ?`
}

// claims reads the payments that a query selects.
func (o *Orders) claims(ctx context.Context, query string, args ...any) ([]Claim, error) {
	var rows []struct {
		PaymentID string `db:"payment_id"`
		OrderID   string `db:"order_id"`
		Amount    int64  `db:"amount"`
		Currency  string `db:"currency"`
		Since     int64  `db:"since"`
	}
	if err := o.db.Reader().SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, o.unavailable(fmt.Errorf("read payments: %w", err))
	}
	claims := make([]Claim, len(rows))
	for i, r := range rows {
		claims[i] = Claim{r.PaymentID, r.OrderID, event.Money{Amount: r.Amount, Currency: r.Currency}, time.UnixMilli(r.Since).UTC()}
	}
	return claims, nil
}

// TicketsByState adds up the tickets of all orders, by screening and state.
func (o *Orders) TicketsByState(ctx context.Context) (map[string]map[State]int64, error) {
	var rows []struct {
		ScreeningID string `db:"screening_id"`
		State       State  `db:"state"`
		Tickets     int64  `db:"tickets"`
	}
	if err := o.db.Reader().SelectContext(ctx, &rows, `SELECT screening_id, state, SUM(quantity) AS tickets FROM orders
		GROUP BY screening_id, state`); err != nil {
		return nil, o.unavailable(fmt.Errorf("add up orders: %w", err))
	}
	tickets := map[string]map[State]int64{}
	for _, r := range rows {
		if tickets[r.ScreeningID] == nil {
			tickets[r.ScreeningID] = map[State]int64{}
		}
		tickets[r.ScreeningID][r.State] = r.Tickets
	}
	return tickets, nil
}

// IDsAfter returns up to limit order ids, in their order, after afterID.
func (o *Orders) IDsAfter(ctx context.Context, afterID string, limit int) ([]string, error) {
	var ids []string
	err := o.db.Reader().SelectContext(ctx, &ids, `SELECT id FROM orders WHERE id > ? ORDER BY id LIMIT ?`, afterID, limit)
	if err != nil {
		return nil, o.unavailable(fmt.Errorf("read order ids: %w", err))
	}
	return ids, nil
}

// SettledAt returns when these orders became final; those that are pending or do not exist are absent.
func (o *Orders) SettledAt(ctx context.Context, ids ...string) (map[string]time.Time, error) {
	type row struct {
		ID        string `db:"id"`
		SettledAt int64  `db:"settled_at"`
	}
	rows, err := db.SelectIn[row](ctx, o.db.Reader(), `SELECT id, settled_at FROM orders WHERE settled_at IS NOT NULL AND id IN (?)`, ids)
	if err != nil {
		return nil, o.unavailable(fmt.Errorf("read settled orders: %w", err))
	}
	settled := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		settled[r.ID] = time.UnixMilli(r.SettledAt).UTC()
	}
	return settled, nil
}

// Acts returns what operators have done to orders and money, the latest first, at most limit.
func (o *Orders) Acts(ctx context.Context, f audit.Filter, limit int) ([]audit.Recorded, error) {
	acts, err := audit.Read(ctx, o.db.Reader(), f, limit)
	return acts, o.unavailable(err)
}

// RecordActs records for each of some subjects what an operator has done about many, as RecordAct does.
func (o *Orders) RecordActs(ctx context.Context, act audit.Act, entry audit.Entry, subjects ...string) error {
	for some := range slices.Chunk(subjects, db.InMax) {
		if err := o.unavailable(o.db.InTx(ctx, func(tx *db.Tx) error { return audit.RecordEach(ctx, tx, act, entry, some, o.now()) })); err != nil {
			return err
		}
	}
	return nil
}

// RecordAct records what an operator does that changes no order and no money: he had something looked at or sent again.
func (o *Orders) RecordAct(ctx context.Context, act audit.Act, what, subject string) error {
	return o.unavailable(o.db.InTx(ctx, func(tx *db.Tx) error {
		return audit.Record(ctx, tx, act, audit.Entry{What: what, Subject: subject}, o.now())
	}))
}

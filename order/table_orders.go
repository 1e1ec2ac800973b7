package order

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

const orderColumns = `id, screening_id, buyer_id, quantity, amount, currency, state, COALESCE(cancel_reason, '') AS cancel_reason,
	created_at, expires_at, ask_until, extended, looks, late_payment`

type orderRow struct {
	ID           string       `db:"id"`
	ScreeningID  string       `db:"screening_id"`
	BuyerID      string       `db:"buyer_id"`
	Quantity     int64        `db:"quantity"`
	Amount       int64        `db:"amount"`
	Currency     string       `db:"currency"`
	State        State        `db:"state"`
	CancelReason CancelReason `db:"cancel_reason"`
	CreatedAt    int64        `db:"created_at"`
	ExpiresAt    int64        `db:"expires_at"`
	AskUntil     int64        `db:"ask_until"`
	Extended     bool         `db:"extended"`
	Looks        int          `db:"looks"`

	LatePayment event.LatePayment `db:"late_payment"`
}

func (r orderRow) order() Order {
	return Order{
		Order: event.Order{
			ID: r.ID, ScreeningID: r.ScreeningID, BuyerID: r.BuyerID, Quantity: r.Quantity,
			Amount: event.Money{Amount: r.Amount, Currency: r.Currency}, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt,
			LatePayment: r.LatePayment,
		},
		State: r.State, CancelReason: r.CancelReason, AskUntil: r.AskUntil, Extended: r.Extended, Looks: r.Looks,
	}
}

// readOrders reads orders by id; those that do not exist are absent from the answer.
func readOrders(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]Order, error) {
	rows, err := db.SelectIn[orderRow](ctx, q, `SELECT `+orderColumns+` FROM orders WHERE id IN (?)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	orders := make(map[string]Order, len(rows))
	for _, r := range rows {
		orders[r.ID] = r.order()
	}
	return orders, nil
}

// insertOrders creates orders as pending, recorded now (Unix milliseconds).
func insertOrders(ctx context.Context, tx *db.Tx, orders []event.Order, now int64) error {
	late := event.HaveLatePayment(orders)
	values := make([]any, 0, 11*len(orders))
	for _, order := range orders {
		values = append(values, order.ID, order.ScreeningID, order.BuyerID, order.Quantity, order.Amount.Amount, order.Amount.Currency,
			string(PendingPayment), order.CreatedAt, order.ExpiresAt, now)
		if late {
			values = append(values, string(order.LatePayment))
		}
	}
	into := `orders (id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at, recorded_at`
	if late {
		into += `, late_payment`
	}
	if err := tx.Insert(ctx, into+`)`, values); err != nil {
		return fmt.Errorf("create orders: %w", err)
	}
	return nil
}

// settleOrders changes the state of orders that were read in state from, or fails with db.ErrConflict, and changes none, when
// one of them no longer is. Only this statement and those of unpaidOrders.cancel, payOrders and reviveOrders change a state: they
// decide between paid and cancelled.
func settleOrders(ctx context.Context, tx *db.Tx, ids []string, from, to State, reason CancelReason, now int64) error {
	cancelReason := sql.NullString{String: string(reason), Valid: reason != ""}
	if err := tx.ChangeEach(ctx, `UPDATE orders SET state = ?, cancel_reason = ?, settled_at = ?
		WHERE state = ? AND id IN (?)`, ids, string(to), cancelReason, now, string(from)); err != nil {
		return fmt.Errorf("settle orders: %w", err)
	}
	return nil
}

// unpaidOrders are ids of orders that were read as pending and past their deadline: asked were to be asked for until a time that
// is over, others not at all.
type unpaidOrders struct{ asked, others []string }

func (u *unpaidOrders) add(read Order) {
	if read.AskUntil > 0 {
		u.asked = append(u.asked, read.ID)
	} else {
		u.others = append(u.others, read.ID)
	}
}

// cancel cancels the orders, or fails with db.ErrConflict, and changes none, when a payment that has started meanwhile has
// moved the deadline of one, or is to be asked for.
func (u *unpaidOrders) cancel(ctx context.Context, tx *db.Tx, now int64) error {
	const statement = `UPDATE orders SET state = 'CANCELLED', cancel_reason = 'unpaid', settled_at = ?
		WHERE state = 'PENDING_PAYMENT' AND expires_at <= ? AND `
	if err := tx.ChangeEach(ctx, statement+`ask_until > 0 AND ask_until <= ? AND id IN (?)`, u.asked, now, now, now); err != nil {
		return fmt.Errorf("cancel unpaid orders: %w", err)
	}
	if err := tx.ChangeEach(ctx, statement+`ask_until = 0 AND id IN (?)`, u.others, now, now); err != nil {
		return fmt.Errorf("cancel unpaid orders: %w", err)
	}
	return nil
}

// heldOrder is a pending order whose deadline or time to ask changes.
type heldOrder struct{ before, after Order }

// holdOrders changes the deadlines of orders, or fails with db.ErrConflict when one of them is not as it was read.
func holdOrders(ctx context.Context, tx *db.Tx, orders []heldOrder) error {
	for _, o := range orders {
		if err := tx.ExecGuarded(ctx, 1, `UPDATE orders SET expires_at = ?, ask_until = ?, extended = ?
			WHERE id = ? AND state = 'PENDING_PAYMENT' AND expires_at = ? AND ask_until = ?`,
			o.after.ExpiresAt, o.after.AskUntil, o.after.Extended,
			o.after.ID, o.before.ExpiresAt, o.before.AskUntil); err != nil {
			return fmt.Errorf("hold orders: %w", err)
		}
	}
	return nil
}

// recordLooks records how often payment-due was sent on for pending orders. More that is recorded already stays.
func recordLooks(ctx context.Context, tx *db.Tx, sent []Order) error {
	ids := map[int][]string{}
	for _, order := range sent {
		ids[order.Looks] = append(ids[order.Looks], order.ID)
	}
	for _, looks := range slices.Sorted(maps.Keys(ids)) {
		if err := tx.ExecIn(ctx, `UPDATE orders SET looks = ? WHERE state = 'PENDING_PAYMENT' AND looks < ? AND id IN (?)`,
			ids[looks], looks, looks); err != nil {
			return fmt.Errorf("record looks at orders: %w", err)
		}
	}
	return nil
}

// payOrders makes the orders of these payments, one payment to an order, paid without reading them first. It fails with
// db.ErrConflict, and changes none, when one of them is absent, no longer pending, or costs something else.
func payOrders(ctx context.Context, tx *db.Tx, payments []Payment, now int64) error {
	ids := map[event.Money][]string{}
	for _, p := range payments {
		ids[p.Amount] = append(ids[p.Amount], p.OrderID)
	}
	amounts := slices.SortedFunc(maps.Keys(ids), func(a, b event.Money) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Amount, b.Amount))
	})
	for _, amount := range amounts {
		slices.Sort(ids[amount])
		if err := tx.ChangeEach(ctx, `UPDATE orders SET state = 'PAID', settled_at = ?
			WHERE state = 'PENDING_PAYMENT' AND amount = ? AND currency = ? AND id IN (?)`,
			ids[amount], now, amount.Amount, amount.Currency); err != nil {
			return fmt.Errorf("pay orders: %w", err)
		}
	}
	return nil
}

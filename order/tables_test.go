package order

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/db"
)

// The guards, each by itself: in the races they decide only where two transactions can meet, which SQLite prevents.
func TestGuardedUpdatesRefuseWhatIsDecided(t *testing.T) {
	f := newFixture(t)
	paid, cancelled, pending := f.reserve(time.Hour), f.reserve(time.Hour), f.reserve(time.Hour)
	p := f.payment(paid)
	f.create(paid, cancelled, pending)
	f.pay(p, Applied)
	f.cancel(cancelled)
	attempt := func(step func(*db.Tx) error) error { return f.db.InTx(t.Context(), step) }
	for name, step := range map[string]func(*db.Tx) error{
		"cancel a paid order": func(tx *db.Tx) error {
			return settleOrders(t.Context(), tx, []string{pending.ID, paid.ID}, PendingPayment, Cancelled, CancelUnpaid, 1)
		},
		"pay a cancelled order": func(tx *db.Tx) error {
			return settleOrders(t.Context(), tx, []string{pending.ID, cancelled.ID}, PendingPayment, Paid, "", 1)
		},
		"decide a payment again": func(tx *db.Tx) error {
			return changeResults(t.Context(), tx, []string{p.ID}, Parked, RefundDue)
		},
	} {
		if err := attempt(step); !errors.Is(err, db.ErrConflict) {
			t.Errorf("%s: %v, want db.ErrConflict", name, err)
		}
	}
	f.wantState(paid.ID, Paid, "")
	f.wantState(cancelled.ID, Cancelled, CancelByBuyer)
	f.wantState(pending.ID, PendingPayment, "") // it shared the statement
	f.wantPayment(p.ID, Applied, "")
}

// The schema refuses by itself what no code should try.
func TestSchemaRefusesImpossibleStates(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	for _, statement := range []string{
		`UPDATE orders SET state = 'PAID'`,
		`UPDATE orders SET settled_at = 1`,
		`UPDATE orders SET cancel_reason = 'buyer'`,
		`UPDATE orders SET state = 'CANCELLED', settled_at = 1`,
		`UPDATE orders SET state = 'PAID', settled_at = 1, cancel_reason = 'buyer'`,
		`UPDATE orders SET state = 'REFUNDED', settled_at = 1`,
		`UPDATE orders SET state = 'CANCELLED', settled_at = 1, cancel_reason = 'mood'`,
		`INSERT INTO payments (id, order_id, amount, currency, webhook_id, result, received_at) VALUES ('p', 'o', 1, 'CNY', 'w', 'paid', 1)`,
		`INSERT INTO payments (id, order_id, amount, currency, webhook_id, result, received_at, refunded)
			VALUES ('p', 'o', 1, 'CNY', 'w', 'applied', 1, 2)`,
		insertRefund("'office'", "'due'", "0"), insertRefund("'kindness'", "'due'", "1"), insertRefund("'office'", "'lost'", "1"),
		`INSERT INTO payment_attempts (id, order_id, provider, amount, currency, state, return_url, expires_at, next_at, created_at,
			changed_at) VALUES ('a', 'o', 'webhook', 1, 'CNY', 'open', 'https://x', 1, 1, 1, 1)`,
	} {
		err := f.db.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), statement)
			return err
		})
		if !f.db.IsConstraint(err) {
			t.Errorf("%s: %v, want a constraint's refusal", statement, err)
		}
	}
}

// insertRefund is the statement that inserts a refund with these values.
func insertRefund(reason, state, amount string) string {
	return `INSERT INTO refunds (id, payment_id, order_id, provider, amount, currency, reason, state, next_at, created_at, changed_at)
		VALUES ('r', 'p', 'o', 'webhook', ` + amount + `, 'CNY', ` + reason + `, ` + state + `, 1, 1, 1)`
}

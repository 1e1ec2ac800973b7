package order

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/event"
)

// Reused is a payment that came with the id of another one, for another order or of another amount. It paid nothing, and
// nothing goes back by itself: only its provider knows whether money has moved, and of which of the two.
type Reused struct {
	Claim
	Provider string
}

// Reused returns up to limit of these payments that nobody has settled, the oldest first.
func (o *Orders) Reused(ctx context.Context, limit int) ([]Reused, error) {
	var rows []struct {
		PaymentID string `db:"payment_id"`
		Provider  string `db:"provider"`
		OrderID   string `db:"order_id"`
		Amount    int64  `db:"amount"`
		Currency  string `db:"currency"`
		Since     int64  `db:"received_at"`
	}
	if err := o.db.Reader().SelectContext(ctx, &rows, `SELECT payment_id, provider, order_id, amount, currency, received_at
		FROM reused_payments WHERE settled_at = 0 ORDER BY received_at, payment_id, order_id, amount, currency LIMIT ?`, limit); err != nil {
		return nil, o.unavailable(fmt.Errorf("read reused payment ids: %w", err))
	}
	found := make([]Reused, len(rows))
	for i, r := range rows {
		found[i] = Reused{Claim{
			r.PaymentID, r.OrderID, event.Money{Amount: r.Amount, Currency: r.Currency}, time.UnixMilli(r.Since).UTC(),
		}, r.Provider}
	}
	return found, nil
}

// SettleReused records that a person has cleared up a payment that came with the id of another one: its money is back with
// the payer, or never came. It fails with ErrPaymentAbsent when no such payment waits for that.
func (o *Orders) SettleReused(ctx context.Context, paymentID, orderID string, amount event.Money, act audit.Act) error {
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		if err := tx.ExecGuarded(ctx, 1, `UPDATE reused_payments SET settled_at = ? WHERE payment_id = ? AND order_id = ?
			AND amount = ? AND currency = ? AND settled_at = 0`,
			o.now().UnixMilli(), paymentID, orderID, amount.Amount, amount.Currency); err != nil {
			return err
		}
		claim := map[string]any{"order_id": orderID, "amount": amount.Amount, "currency": amount.Currency}
		return audit.Record(ctx, tx, act, audit.Entry{
			What: "settle_reused", Subject: paymentID, Before: claim, After: map[string]any{"settled": true},
		}, o.now())
	})
	switch {
	case errors.Is(err, db.ErrConflict):
		return fmt.Errorf("settle a payment with a reused id: %w", ErrPaymentAbsent)
	case err != nil:
		return o.unavailable(fmt.Errorf("settle a payment with a reused id: %w", err))
	}
	return nil
}

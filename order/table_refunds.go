package order

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"boxoffice/common/db"
)

// RefundReason says why money goes back.
type RefundReason string

// The reasons of refunds.
const (
	OrderCancelled RefundReason = "order_cancelled" // before the money came, or by the office
	AlreadyPaid    RefundReason = "already_paid"    // by another payment
	WrongAmount    RefundReason = "wrong_amount"    // or currency
	NoOrder        RefundReason = "no_order"        // none has come for which the payment waited
	ByOffice       RefundReason = "office"          // a part of what was paid, or all of it
)

// refund is money of a payment that goes back: all of it, or a part.
type refund struct {
	Payment
	id     string
	amount int64
	reason RefundReason
}

// refundAll is the refund of a whole payment.
func refundAll(p Payment, reason RefundReason) refund {
	return refund{p, refundIDOf(p.ID, ""), p.Amount.Amount, reason}
}

// refundIDOf makes the id of a refund: always the same for the same payment and part, so that the table's key refuses to
// send it back twice.
func refundIDOf(paymentID, part string) string {
	sum := sha256.Sum256([]byte(paymentID + "\n" + part))
	return "rf_" + hex.EncodeToString(sum[:16])
}

// insertRefunds records refunds as due. What becomes of them then is the concern of the package payment, which sends
// them.
func insertRefunds(ctx context.Context, tx *db.Tx, refunds []refund, now int64) error {
	values := make([]any, 0, 11*len(refunds))
	for _, r := range refunds {
		values = append(values, r.id, r.ID, r.OrderID, cmp.Or(r.Provider, DefaultProvider), r.amount, r.Amount.Currency,
			string(r.reason), "due", now, now, now)
	}
	if err := tx.Insert(ctx, `refunds (id, payment_id, order_id, provider, amount, currency, reason, state, next_at,
		created_at, changed_at)`, values); err != nil {
		return fmt.Errorf("record refunds: %w", err)
	}
	return nil
}

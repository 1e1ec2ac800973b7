package payment

import (
	"context"
	"fmt"
)

// BadPart is the error for a part of a payment that its provider can never send back.
type BadPart struct {
	Detail string // one sentence
}

func (e BadPart) Error() string { return "part of a payment cannot be sent back: " + e.Detail }

// CheckPart fails with a BadPart if the provider of the payment that has paid an order cannot send back an amount: whoever asks for
// it is told, where the refund would come to a person who can do nothing for it. An order that is not paid has no such payment, and
// a provider that is not configured no rule.
func (s *Service) CheckPart(ctx context.Context, orderID string, amount int64) error {
	var paid []struct {
		Provider string `db:"provider"`
		Currency string `db:"currency"`
	}
	if err := s.db.Reader().SelectContext(ctx, &paid, `SELECT provider, currency FROM payments
		WHERE order_id = ? AND result = 'applied'`, orderID); err != nil {
		return s.failed("read the payment of an order", err)
	}
	for _, payment := range paid {
		stepped, ok := s.providers[payment.Provider].(Stepped)
		if !ok {
			continue
		}
		if step := stepped.RefundStep(payment.Currency); step > 1 && amount%step != 0 {
			return BadPart{fmt.Sprintf("amount must be a multiple of %d: of %s, the payment provider %s sends back no other parts.",
				step, payment.Currency, payment.Provider)}
		}
	}
	return nil
}

package payment

import (
	"context"
	"fmt"
	"net/http"

	"boxoffice/common/failpoint"
	"boxoffice/order"
)

// Taken is what came of a callback.
type Taken struct {
	Payments []order.PaymentResult // in the order of the report
	Refunds  int
	Provider Provider // for its own way to be answered
}

// Callback takes a callback of a provider: it verifies the raw body, and returns once all that it says is durable. It
// fails with ErrUnknownProvider, ErrForged, a BadCallback, or an error of order.Pay; after the last the provider sends it
// again.
func (s *Service) Callback(ctx context.Context, providerName string, header http.Header, body []byte) (Taken, error) {
	p, err := s.provider(providerName)
	if err != nil {
		return Taken{}, fmt.Errorf("take callback: %w", err)
	}
	report, err := p.Verify(ctx, header, body)
	if err != nil {
		return Taken{}, fmt.Errorf("take callback: %w", err)
	}
	for _, payment := range report.Payments {
		if invalid := payment.invalidAmount(); invalid != "" {
			return Taken{}, fmt.Errorf("take callback: %w", BadCallback{Detail: invalid, Readable: true})
		}
	}
	failpoint.Hit("callback.verified")
	taken := Taken{Provider: p}
	for _, payment := range report.Payments {
		switch ours, err := s.isOurs(ctx, p, payment); {
		case err != nil:
			return Taken{}, fmt.Errorf("take callback: %w", err)
		case !ours:
			continue
		}
		result, err := s.pay(ctx, providerName, payment, report.ID)
		if err != nil {
			return Taken{}, fmt.Errorf("take callback: %w", err)
		}
		taken.Payments = append(taken.Payments, result)
		if result == order.Duplicate && payment.AttemptID != "" { // its payer may have paid twice while a callback was lost
			if err := s.endLeft(ctx, payment.OrderID, ""); err != nil {
				return Taken{}, fmt.Errorf("take callback: %w", err)
			}
		}
	}
	for _, id := range report.Closed {
		if err := s.closeAttempt(ctx, providerName, id, Closed); err != nil {
			return Taken{}, fmt.Errorf("take callback: %w", err)
		}
	}
	for _, refund := range report.Refunds {
		if err := s.learnOfRefund(ctx, p, refund); err != nil {
			return Taken{}, fmt.Errorf("take callback: %w", err)
		}
		taken.Refunds++
	}
	return taken, nil
}

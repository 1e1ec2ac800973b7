package app

import (
	"context"
	"path/filepath"

	"boxoffice/api"
	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

// demoPaymentsFile has what the simulator of a demo has taken: without it a restart left refunds that nobody knew.
func demoPaymentsFile(dataDir string) string { return filepath.Join(dataDir, "demo-payments.jsonl") }

// demoProvider is the payment provider of a demo. The payments that the demo makes itself are unknown to whoever else plays the
// provider: their pretended money goes back at once.
type demoProvider struct{ *webhook.Provider }

// Refund sends money back.
func (p demoProvider) Refund(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	if api.IsDemoPayment(r.PaymentID) {
		return payment.RefundStatus{State: payment.RefundDone, Reference: "demo_" + r.Key}, nil
	}
	return p.Provider.Refund(ctx, r)
}

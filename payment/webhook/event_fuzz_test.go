package webhook

import (
	"errors"
	"net/http"
	"testing"

	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
)

// FuzzEvent: whatever a provider signs is a report of money that can be recorded, or is refused in words.
func FuzzEvent(f *testing.F) {
	p, err := New(Options{Secrets: []string{testWebhookSecret}, Now: testNow})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		fuzzedBody, `{"type":"payment.closed","data":{"attempt_id":"a"}}`, `{"type":"ping","data":7}`, `{"type":"payment.succeeded"}`, `null`,
		`{"type":"refund.updated","data":{"key":"rf_1","state":"done","reference":"r"}}`,
		`{"type":"payment.succeeded","data":{"amount":1,"amount":2}}`,
		`{"type":"payment.succeeded","data":{"payment_id":"a:b","order_id":"o","amount":9.8e3,"currency":"CNY"}}`,
		`{"type":"payment.succeeded","data":{"payment_id":"p","order_id":"o","amount":0,"currency":"CNY"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		header := http.Header{}
		p.Sign(header, "msg_1", body)
		report, err := p.Verify(t.Context(), header, body)
		if err != nil {
			if bad, ok := errors.AsType[payment.BadCallback](err); !ok || bad.Detail == "" {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		for _, paid := range report.Payments {
			if paid.Amount.Amount < 1 || !idform.IsVisibleASCII(paid.Amount.Currency, order.CurrencyMax) ||
				!idform.IsVisibleASCII(paid.OrderID, order.IDMax) || !idform.IsVisibleASCII(paid.ID, order.IDMax) {
				t.Errorf("%q: %+v cannot be recorded", body, paid)
			}
		}
	})
}

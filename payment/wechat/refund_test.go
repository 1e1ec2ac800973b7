package wechat_test

import (
	"net/http"
	"strings"
	"testing"

	"boxoffice/common/event"
	"boxoffice/payment"
)

func newRefund(paymentID string) payment.Refund {
	return payment.Refund{
		Key: "rf_17", PaymentID: paymentID, Amount: event.Money{Amount: 9800, Currency: "CNY"},
		Total: event.Money{Amount: 9800, Currency: "CNY"}, Reason: "order_cancelled",
	}
}

// newPaid returns a provider with one payment.
func newPaid(t *testing.T) (*fakePay, payment.Provider, payment.Refund) {
	t.Helper()
	p, f, a := newStarted(t)
	return f, p, newRefund(f.pay(a.ID).transactionID)
}

// A refund tells how it stands, with WeChat Pay's number of it, when it is sent, sent again, and asked for.
func TestRefundStates(t *testing.T) {
	f, p, r := newPaid(t)
	for _, test := range []struct {
		status string
		want   payment.RefundState
	}{
		{"PROCESSING", payment.RefundPending}, {"SUCCESS", payment.RefundDone},
		{"CLOSED", payment.RefundFailed}, {"ABNORMAL", payment.RefundStuck},
	} {
		if f.refunds[r.Key] != nil {
			f.refunds[r.Key].status = test.status
		}
		sent, err := p.Refund(t.Context(), r)
		good := test.want == payment.RefundPending || test.want == payment.RefundDone
		if err != nil || sent.State != test.want || sent.Reference != "50300" || (sent.Detail == "") != good {
			t.Errorf("%s: got %+v, %v", test.status, sent, err)
		}
		if asked, err := p.QueryRefund(t.Context(), r); err != nil || asked != sent {
			t.Errorf("%s: asked %+v, %v; sent %+v", test.status, asked, err, sent)
		}
	}
	made := f.refunds[r.Key].made
	if made["transaction_id"] != r.PaymentID || made["notify_url"] != testCallback || made["reason"] != r.Reason {
		t.Errorf("sent %v", made)
	}
	f.refunds[r.Key].status = "SOMETHING"
	_, err := p.Refund(t.Context(), r)
	wantUnclear(t, err)
}

// The same key moves money once, also when the first answer was lost.
func TestRefundTwiceMovesMoneyOnce(t *testing.T) {
	f, p, r := newPaid(t)
	before := f.balance
	f.afterwards = func(*http.Request, *http.Response) (*http.Response, error) { return nil, http.ErrHandlerTimeout }
	_, err := p.Refund(t.Context(), r)
	wantUnclear(t, err)
	f.afterwards = nil
	if _, err := p.Refund(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if f.balance != before-9800 || len(f.refunds) != 1 {
		t.Errorf("%d fen went back in %d refunds", before-f.balance, len(f.refunds))
	}
}

// A part goes back with its own key and the payment's total; more than was paid is refused.
func TestPartialRefunds(t *testing.T) {
	f, p, r := newPaid(t)
	before := f.balance
	r.Amount.Amount = 3000
	if _, err := p.Refund(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Key, r.Amount.Amount = "rf_18_1", 6800
	if _, err := p.Refund(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if f.balance != before-9800 {
		t.Errorf("%d fen went back", before-f.balance)
	}
	r.Key, r.Amount.Amount = "rf_19", 1
	_, err := p.Refund(t.Context(), r)
	wantRefused(t, err)
}

// Refusals for good are told from those that pass: the merchant's balance fills again.
func TestRefundIsRefused(t *testing.T) {
	f, p, r := newPaid(t)
	f.balance = 100
	_, err := p.Refund(t.Context(), r)
	wantUnclear(t, err)
	f.balance = 1_000_000

	unknown := r
	unknown.PaymentID = "420"
	_, err = p.Refund(t.Context(), unknown)
	wantRefused(t, err)

	calls := len(f.calls)
	for _, other := range []event.Money{{Amount: 500, Currency: "JPY"}, {Amount: 1500, Currency: "KWD"}} {
		foreign := r
		foreign.Amount, foreign.Total = other, other
		_, err = p.Refund(t.Context(), foreign)
		wantRefused(t, err)
		foreign.Amount = r.Amount
		_, err = p.Refund(t.Context(), foreign)
		wantRefused(t, err)
		foreign.Amount, foreign.Total = other, r.Total
		_, err = p.Refund(t.Context(), foreign)
		wantRefused(t, err)
	}
	if len(f.calls) != calls {
		t.Errorf("called %q", f.calls[calls:])
	}
	for code, status := range map[string]int{"USER_ACCOUNT_ABNORMAL": 403, "NO_AUTH": 403, "MCH_NOT_EXISTS": 400} {
		f.fault = func(*http.Request) (*http.Response, error) {
			_, answer := refusal(status, code, "no")
			return f.signed(status, answer), nil
		}
		_, err = p.Refund(t.Context(), r)
		wantRefused(t, err)
	}
}

// A refund that WeChat Pay does not know yet is asked for again: it was sent, and money may be on its way.
func TestUnknownRefundIsAskedForAgain(t *testing.T) {
	_, p, r := newPaid(t)
	_, err := p.QueryRefund(t.Context(), r)
	wantUnclear(t, err)
}

// What cannot be stored is no reference: the refund is known by its key.
func TestRefundReferenceIsVisibleASCII(t *testing.T) {
	f, p, r := newPaid(t)
	if _, err := p.Refund(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "50 300", strings.Repeat("5", 256)} {
		f.refunds[r.Key].id = id
		if got, err := p.QueryRefund(t.Context(), r); err != nil || got.Reference != "" {
			t.Errorf("%q: got %+v, %v", id, got, err)
		}
	}
}

// An answer about another refund is not believed.
func TestRefundBelievesOnlyItsOwnAnswer(t *testing.T) {
	f, p, r := newPaid(t)
	f.fault = func(*http.Request) (*http.Response, error) {
		other := fakeRefund{made: map[string]any{"out_refund_no": "rf_1"}, id: "1", status: "SUCCESS"}
		return f.signed(http.StatusOK, other.answer()), nil
	}
	_, err := p.Refund(t.Context(), r)
	wantUnclear(t, err)
	_, err = p.QueryRefund(t.Context(), r)
	wantUnclear(t, err)
}

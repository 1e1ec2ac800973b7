package alipay_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"boxoffice/common/event"
	"boxoffice/payment"
)

func newRefund(paymentID string) payment.Refund {
	return payment.Refund{
		Key: "rf_1", PaymentID: paymentID, Amount: event.Money{Amount: 9800, Currency: "CNY"},
		Total: event.Money{Amount: 9800, Currency: "CNY"}, Reason: "late",
	}
}

// Money goes back once for a key, however often it is sent; and it takes a question to know after the first answer is
// lost.
func TestRefund(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	paid := f.paidTrade()
	r := newRefund(paid.no)
	if got, err := p.Refund(t.Context(), r); err != nil || got.State != payment.RefundDone || got.Reference != "" {
		t.Fatalf("first: %+v, %v", got, err)
	}
	want := map[string]any{"trade_no": paid.no, "out_request_no": "rf_1", "refund_amount": "98.00", "refund_reason": "late"}
	if !reflect.DeepEqual(f.biz[0], want) {
		t.Errorf("sent %v, want %v", f.biz[0], want)
	}
	if got, err := p.Refund(t.Context(), r); err != nil || got.State != payment.RefundPending {
		t.Errorf("again: %+v, %v", got, err)
	}
	if got, err := p.QueryRefund(t.Context(), r); err != nil || got.State != payment.RefundDone {
		t.Errorf("asked: %+v, %v", got, err)
	}
	if paid.refunded() != 9800 {
		t.Errorf("%d fen went back", paid.refunded())
	}
}

// Parts are refunds of their own, and together no more than the payment.
func TestPartialRefunds(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	paid := f.paidTrade()
	for key, fen := range map[string]int64{"rf_1": 29, "rf_2": 9771} {
		r := newRefund(paid.no)
		r.Key, r.Amount.Amount = key, fen
		if got, err := p.Refund(t.Context(), r); err != nil || got.State != payment.RefundDone {
			t.Errorf("%d fen: %+v, %v", fen, got, err)
		}
	}
	r := newRefund(paid.no)
	r.Key, r.Amount.Amount = "rf_3", 1
	if got, err := p.Refund(t.Context(), r); !errors.Is(err, payment.ErrRefused) || paid.refunded() != 9800 {
		t.Errorf("one fen too much: %+v, %v", got, err)
	}
}

// A refund that is on its way is asked for until it is done, and never sent with another key.
func TestPendingRefund(t *testing.T) {
	f := newFake(t)
	f.sluggish = true
	p := newProvider(t, f)
	paid := f.paidTrade()
	r := newRefund(paid.no)
	if got, err := p.Refund(t.Context(), r); err != nil || got.State != payment.RefundPending {
		t.Fatalf("sent: %+v, %v", got, err)
	}
	if got, err := p.QueryRefund(t.Context(), r); err != nil || got.State != payment.RefundPending {
		t.Errorf("asked: %+v, %v", got, err)
	}
	paid.refunds["rf_1"] = f.lazy["rf_1"]
	if got, err := p.QueryRefund(t.Context(), r); err != nil || got.State != payment.RefundDone || len(paid.refunds) != 1 {
		t.Errorf("done: %+v, %v, %v", got, err, paid.refunds)
	}
}

// Alipay is silent about a refund that it has lost or that failed. It is sent again, so that it does not wait forever.
func TestALostRefundIsSentAgain(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	paid := f.paidTrade()
	if got, err := p.QueryRefund(t.Context(), newRefund(paid.no)); err != nil || got.State != payment.RefundDone || paid.refunded() != 9800 {
		t.Errorf("%+v, %v, %v", got, err, paid.refunds)
	}
}

// A refund that Alipay will never do fails with its reason, and a person decides.
func TestFailedRefund(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	paid := f.paidTrade()
	paid.status = "TRADE_FINISHED"
	r := newRefund(paid.no)
	if got, err := p.Refund(t.Context(), r); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("sent: %+v, %v", got, err)
	}
	got, err := p.QueryRefund(t.Context(), r)
	if err != nil || got.State != payment.RefundFailed || !strings.Contains(got.Detail, "TRADE_HAS_FINISHED") {
		t.Errorf("asked: %+v, %v", got, err)
	}
	f.fail["alipay.trade.refund"] = "ACQ.SELLER_BALANCE_NOT_ENOUGH" // somebody pays in some day
	for name, call := range map[string]func() (payment.RefundStatus, error){
		"sent":  func() (payment.RefundStatus, error) { return p.Refund(t.Context(), r) },
		"asked": func() (payment.RefundStatus, error) { return p.QueryRefund(t.Context(), r) },
	} {
		if got, err := call(); err == nil || errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s without money on the account: %+v, %v", name, got, err)
		}
	}
}

// What Alipay says of the state of a refund, and for which.
func TestRefundStates(t *testing.T) {
	for answer, want := range map[string]payment.RefundState{
		`"refund_status":"REFUND_SUCCESS","trade_no":"2026","out_request_no":"rf_1"`:    payment.RefundDone,
		`"refund_status":"REFUND_PROCESSING","trade_no":"2026","out_request_no":"rf_1"`: payment.RefundPending,
		`"refund_status":"REFUND_FAIL","trade_no":"2026","out_request_no":"rf_1"`:       payment.RefundFailed,
		`"refund_status":"REFUND_NEW","trade_no":"2026","out_request_no":"rf_1"`:        "",
		`"refund_status":"REFUND_SUCCESS","trade_no":"2026","out_request_no":"rf_2"`:    "",
		`"refund_status":"REFUND_SUCCESS","trade_no":"2027","out_request_no":"rf_1"`:    "",
	} {
		f := newFake(t)
		f.answers["alipay.trade.fastpay.refund.query"] = `{"code":"10000",` + answer + `}`
		got, err := newProvider(t, f).QueryRefund(t.Context(), newRefund("2026"))
		if got.State != want || (err != nil) != (want == "") || errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s: %+v, %v", answer, got, err)
		}
	}
	f := newFake(t)
	f.answers["alipay.trade.refund"] = `{"code":"10000","trade_no":"2027","fund_change":"Y"}`
	if got, err := newProvider(t, f).Refund(t.Context(), newRefund("2026")); err == nil || errors.Is(err, payment.ErrRefused) {
		t.Errorf("the money of another trade went back: %+v, %v", got, err)
	}
}

// A repeated refund can find its trade emptied by its own first sending. To call that refused would leave the money in
// the books as owed.
func TestARefundThatHasEmptiedItsTrade(t *testing.T) {
	for _, code := range []string{"ACQ.TRADE_HAS_CLOSE", "ACQ.TRADE_HAS_FINISHED", "ACQ.REASON_TRADE_REFUND_FEE_ERR"} {
		f := newFake(t)
		p := newProvider(t, f)
		paid := f.paidTrade()
		r := newRefund(paid.no)
		f.fail["alipay.trade.refund"] = code
		if got, err := p.Refund(t.Context(), r); !errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s, not sent before: %+v, %v", code, got, err)
		}
		paid.refunds["rf_1"] = "98.00"
		if got, err := p.Refund(t.Context(), r); err != nil || got.State != payment.RefundDone {
			t.Errorf("%s, sent before: %+v, %v", code, got, err)
		}
		f.fail["alipay.trade.fastpay.refund.query"] = "ACQ.SYSTEM_ERROR"
		if got, err := p.Refund(t.Context(), r); err == nil || errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s, not known whether sent: %+v, %v", code, got, err)
		}
	}
}

// What is refused for good is not sent again by itself.
func TestRefusedRefunds(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	if got, err := p.Refund(t.Context(), newRefund("2026")); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("unknown trade: %+v, %v", got, err)
	}
	if got, err := p.QueryRefund(t.Context(), newRefund("2026")); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("ask for an unknown trade: %+v, %v", got, err)
	}
	paid := f.paidTrade()
	f.fail["alipay.trade.refund"] = "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
	if got, err := p.Refund(t.Context(), newRefund(paid.no)); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("not the whole: %+v, %v", got, err)
	}
	before := len(f.calls)
	for _, m := range []event.Money{{Amount: 500, Currency: "JPY"}, {Amount: 1000, Currency: "KWD"}, {Currency: "CNY"}} {
		r := newRefund(paid.no)
		r.Amount = m
		if got, err := p.Refund(t.Context(), r); !errors.Is(err, payment.ErrRefused) || len(f.calls) != before {
			t.Errorf("%+v: %+v, %v", m, got, err)
		}
	}
}

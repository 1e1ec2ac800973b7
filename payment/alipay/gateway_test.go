package alipay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"boxoffice/payment"
	"boxoffice/payment/alipay"
)

// calls are all calls of the API.
func calls(p *alipay.Provider) map[string]func(context.Context) error {
	r := newRefund("2026112122001400000000000001")
	return map[string]func(context.Context) error{
		"alipay.trade.precreate": func(ctx context.Context) error { _, err := p.Start(ctx, newAttempt()); return err },
		"alipay.trade.query":     func(ctx context.Context) error { _, err := p.Query(ctx, newAttempt()); return err },
		"alipay.trade.close":     func(ctx context.Context) error { _, err := p.Close(ctx, newAttempt()); return err },
		"alipay.trade.refund":    func(ctx context.Context) error { _, err := p.Refund(ctx, r); return err },
		"alipay.trade.fastpay.refund.query": func(ctx context.Context) error {
			_, err := p.QueryRefund(ctx, r)
			return err
		},
	}
}

// A refusal is final; anything else is tried again. To take one for the other loses a refund, or repeats it forever.
func TestErrorClasses(t *testing.T) {
	for answer, refused := range map[string]bool{
		failed("ACQ.INVALID_PARAMETER"):                                  true,
		failed("ACQ.ACCESS_FORBIDDEN"):                                   true,
		failed("INVALID_PARAMETER"):                                      true,
		`{"code":"40001","sub_code":"isv.missing-app-id"}`:               true,
		`{"code":"40002","sub_code":"isv.invalid-signature"}`:            true,
		`{"code":"40006","sub_code":"isv.insufficient-isv-permissions"}`: true,
		failed("ACQ.SYSTEM_ERROR"):                                       false,
		failed("AQC.SYSTEM_ERROR"):                                       false,
		failed("isp.unknow-error"):                                       false,
		failed("ACQ.NEW"):                                                false,
		failed("ACQ.SELLER_BALANCE_NOT_ENOUGH"):                          false,
		`{"code":"40005","sub_code":"isv.app-call-limited"}`:             false,
		`{"code":"20001","sub_code":"aop.invalid-auth-token"}`:           false,
		`{"code":"40006","sub_code":"isp.x"}`:                            false,
		`{"code":"20000","sub_code":"ACQ.INVALID_PARAMETER"}`:            false,
		`{"code":"","sub_code":""}`:                                      false,
	} {
		f := newFake(t)
		for method, call := range calls(newProvider(t, f, withQR)) {
			f.answers[method] = answer
			if err := call(t.Context()); err == nil || errors.Is(err, payment.ErrRefused) != refused {
				t.Errorf("%s: %s: %v, want refused: %t", method, answer, err, refused)
			}
		}
	}
}

// Nothing is believed that Alipay has not signed, whatever is between us: not even that there is no such trade. Only
// that a request was refused at the door needs no signature.
func TestUnsignedAnswers(t *testing.T) {
	const method = "alipay.trade.query"
	good := fmt.Sprintf(`{"code":"10000","out_trade_no":%q,"trade_no":"20261121","total_amount":"98.00","trade_status":"TRADE_SUCCESS"}`, attemptID)
	for name, c := range map[string]struct {
		body    string
		refused bool
	}{
		"no signature":    {`{"alipay_trade_query_response":` + good + `}`, false},
		"empty signature": {`{"alipay_trade_query_response":` + good + `,"sign":""}`, false},
		"not base64":      {`{"alipay_trade_query_response":` + good + `,"sign":"%%"}`, false},
		"another's key":   {string(signedAnswer(theirs2(), method, good)), false},
		"changed":         {strings.Replace(string(signedAnswer(theirs(), method, good)), "98.00", "99.00", 1), false},
		"unknown cert":    {strings.Replace(string(signedAnswer(theirs(), method, good)), `"sign"`, `"alipay_cert_sn":"abc","sign"`, 1), false},
		"not exist":       {`{"alipay_trade_query_response":` + failed("ACQ.TRADE_NOT_EXIST") + `}`, false},
		"invalid":         {`{"alipay_trade_query_response":` + failed("ACQ.INVALID_PARAMETER") + `}`, false},
		"error response":  {`{"error_response":{"code":"40002","msg":"x","sub_code":"isv.invalid-app-id","sub_msg":"x"}}`, true},
		"error of isp":    {`{"error_response":{"code":"20000","msg":"x","sub_code":"isp.unknow-error","sub_msg":"x"}}`, false},
		"null error":      {`{"error_response":null}`, false},
		"null answer":     {`{"alipay_trade_query_response":null}`, false},
		"other answer":    {string(signedAnswer(theirs(), "alipay.trade.close", good)), false},
		"garbage":         {`<html>`, false},
		"nothing":         {``, false},
		"far too long":    {string(signedAnswer(theirs(), method, good)) + strings.Repeat(" ", 1<<20), false},
	} {
		f := newFake(t)
		f.raw[method] = func(w http.ResponseWriter) { _, _ = w.Write([]byte(c.body)) }
		got, err := newProvider(t, f).Query(t.Context(), newAttempt())
		if err == nil || errors.Is(err, payment.ErrRefused) != c.refused {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if err != nil && len(err.Error()) > 2000 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	}
}

// A gateway that is away, slow, or somebody else's is asked again. Its answer is not read to an end that never comes.
func TestAGatewayThatIsAway(t *testing.T) {
	for _, status := range []int{302, 307, 400, 403, 404, 429, 500, 502, 503} {
		f := newFake(t)
		p := newProvider(t, f, withQR)
		for method, call := range calls(p) {
			f.raw[method] = func(w http.ResponseWriter) {
				w.Header().Set("Location", f.url)
				w.WriteHeader(status)
				_, _ = w.Write(signedAnswer(theirs(), method, `{"code":"10000"}`))
			}
			before := len(f.calls)
			if err := call(t.Context()); err == nil || errors.Is(err, payment.ErrRefused) || len(f.calls) != before+1 {
				t.Errorf("%d: %s: %v after %d calls", status, method, err, len(f.calls)-before)
			}
		}
	}
	f := newFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.before["alipay.trade.query"] = func(r *http.Request) { // while the answer is awaited, which would be faster at times
		cancel()
		<-r.Context().Done()
	}
	p := newProvider(t, f)
	if _, err := p.Query(ctx, newAttempt()); !errors.Is(err, context.Canceled) || errors.Is(err, payment.ErrRefused) {
		t.Errorf("cut off: %v", err)
	}
	gone := newProvider(t, f, func(o *alipay.Options) { o.Gateway = "http://127.0.0.1:1/gateway.do" })
	for method, call := range calls(gone) {
		if err := call(t.Context()); method != "alipay.trade.precreate" && (err == nil || errors.Is(err, payment.ErrRefused)) {
			t.Errorf("%s of a gateway that is not there: %v", method, err)
		}
	}
}

// While Alipay changes its key, answers are signed with the old one or the new one.
func TestAnswersOfTwoKeys(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f, func(o *alipay.Options) { o.PublicKeys = []string{publicText(theirs()), publicText(theirs2())} })
	paid := f.paidTrade()
	for _, key := range []int{1, 2} {
		f.key = testKeys()[key]
		if got, err := p.Query(t.Context(), newAttempt()); err != nil || !reflect.DeepEqual(got, paidStatus(paid.no)) {
			t.Errorf("key %d: %+v, %v", key, got, err)
		}
		status, err := p.Refund(t.Context(), newRefund(paid.no))
		if err == nil && status.State == payment.RefundPending { // the first client has sent it, and could not read the answer
			status, err = p.QueryRefund(t.Context(), newRefund(paid.no))
		}
		if err != nil || status.State != payment.RefundDone || paid.refunded() != 9800 {
			t.Errorf("key %d: refund %+v, %v", key, status, err)
		}
		paid.refunds, paid.status = map[string]string{}, "TRADE_SUCCESS"
	}
	if !slices.Contains(f.calls, "alipay.trade.refund") {
		t.Error("nothing was sent")
	}
}

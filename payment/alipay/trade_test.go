package alipay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/payment"
	"boxoffice/payment/alipay"
)

func bizOf(t *testing.T, f *fakeAlipay, link string) map[string]any {
	t.Helper()
	parsed, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	biz, wrong := f.verify(parsed.Query())
	if wrong != "" {
		t.Fatal(wrong)
	}
	return biz
}

// The page's URL is signed, says all that Alipay needs, and bounds the time to pay. Started twice, it is one trade.
func TestStartPage(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	a := newAttempt()
	a.Description = "Order 1/2 = A&B"
	first, err := p.Start(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Start(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if first.Action.Kind != payment.Redirect || first.Reference != "" || len(f.calls) != 0 {
		t.Errorf("started %+v with the calls %q", first, f.calls)
	}
	parsed, _ := url.Parse(first.Action.URL)
	for name, want := range map[string]string{
		"method": "alipay.trade.page.pay", "notify_url": callback, "return_url": returnURL, "app_id": appID,
	} {
		if got := parsed.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	want := map[string]any{
		"subject": "Order 1 2   A B", "out_trade_no": attemptID, "total_amount": "98.00", "product_code": "FAST_INSTANT_TRADE_PAY",
		"passback_params": marked(office), "body": orderID, "time_expire": "2026-11-21 02:45:00",
	}
	if got := bizOf(t, f, first.Action.URL); !reflect.DeepEqual(got, want) {
		t.Errorf("asked for %v, want %v", got, want)
	}
	if f.open(first.Action.URL) != f.open(again.Action.URL) {
		t.Error("two starts are two payments")
	}
}

// Phones get their own page, which sends the payer who gives up back to the shop.
func TestStartWap(t *testing.T) {
	f := newFake(t)
	started, err := newProvider(t, f, func(o *alipay.Options) { o.Wap = true }).Start(t.Context(), newAttempt())
	if err != nil {
		t.Fatal(err)
	}
	parsed, _ := url.Parse(started.Action.URL)
	biz := bizOf(t, f, started.Action.URL)
	if parsed.Query().Get("method") != "alipay.trade.wap.pay" || biz["product_code"] != "QUICK_WAP_WAY" ||
		biz["quit_url"] != returnURL || biz["time_expire"] != "2026-11-21 02:45:00" {
		t.Errorf("%s: %v", parsed.Query().Get("method"), biz)
	}
}

// A code is Alipay's, and the same attempt again is the same trade there.
func TestStartQR(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f, withQR)
	for range 2 {
		started, err := p.Start(t.Context(), newAttempt())
		want := payment.Started{Action: payment.Action{Kind: payment.ShowQR, QR: "https://qr.alipay.com/abcdefgh"}, Lives: 115 * time.Minute}
		if err != nil || !reflect.DeepEqual(started, want) {
			t.Fatalf("started %+v, %v", started, err)
		}
	}
	if len(f.codes) != 1 || f.biz[0]["product_code"] != "FACE_TO_FACE_PAYMENT" || f.biz[0]["time_expire"] != "2026-11-21 02:45:00" ||
		f.biz[0]["total_amount"] != "98.00" || f.biz[0]["passback_params"] != marked(office) {
		t.Errorf("asked for %v", f.biz)
	}
}

// The office starts an attempt again whose first start it knows nothing of, also when its time is over or it was paid:
// it must get through, to close the attempt, though Alipay has no code any more.
func TestStartQRWhenNothingIsLeftToPay(t *testing.T) {
	back := payment.Action{Kind: payment.Redirect, URL: returnURL}
	f := newFake(t)
	p := newProvider(t, f, withQR)
	late := newAttempt()
	late.ExpiresAt = testNow()
	if started, err := p.Start(t.Context(), late); err != nil || !reflect.DeepEqual(started.Action, back) || len(f.calls) != 0 {
		t.Errorf("too late: %+v, %v", started, err)
	}
	f.paidTrade()
	if started, err := p.Start(t.Context(), newAttempt()); err != nil || !reflect.DeepEqual(started.Action, back) {
		t.Errorf("paid: %+v, %v", started, err)
	}
}

// An answer that is for another attempt, or has no code, shows the payer nothing.
func TestStartQRReadsTheAnswer(t *testing.T) {
	for name, answer := range map[string]string{
		"other trade": `{"code":"10000","out_trade_no":"other","qr_code":"https://qr.alipay.com/x"}`,
		"no code":     `{"code":"10000","out_trade_no":"` + attemptID + `"}`,
		"long code":   `{"code":"10000","out_trade_no":"` + attemptID + `","qr_code":"` + strings.Repeat("x", 1025) + `"}`,
		"in process":  `{"code":"10003","out_trade_no":"` + attemptID + `","qr_code":"https://qr.alipay.com/x"}`,
	} {
		f := newFake(t)
		f.answers["alipay.trade.precreate"] = answer
		if started, err := newProvider(t, f, withQR).Start(t.Context(), newAttempt()); err == nil || errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s: %+v, %v", name, started, err)
		}
	}
}

// Alipay takes yuan. An amount in anything else never reaches it.
func TestStartRefusesOtherCurrencies(t *testing.T) {
	f := newFake(t)
	for _, p := range []*alipay.Provider{newProvider(t, f), newProvider(t, f, withQR)} {
		for _, m := range []event.Money{{Amount: 500, Currency: "JPY"}, {Amount: 1000, Currency: "KWD"}, {Currency: "CNY"}} {
			a := newAttempt()
			a.Amount = m
			if _, err := p.Start(t.Context(), a); !errors.Is(err, payment.ErrRefused) || len(f.calls) != 0 {
				t.Errorf("%+v: %v, calls %q", m, err, f.calls)
			}
		}
	}
}

// paidStatus is the status of the attempt once its trade is paid.
func paidStatus(no string) payment.Status {
	return payment.Status{State: payment.Paid, Payments: []payment.Payment{{
		ID: no, AttemptID: attemptID, OrderID: orderID, Amount: event.Money{Amount: 9800, Currency: "CNY"},
	}}}
}

// What Alipay calls closed may have been paid and given back: that money was received, and must be in the books.
func TestQuery(t *testing.T) {
	for status, want := range map[string]payment.Status{
		"WAIT_BUYER_PAY": {State: payment.Open}, "TRADE_CLOSED": {State: payment.Closed},
	} {
		f := newFake(t)
		f.create(attemptID, url.Values{"total_amount": {"98.00"}}).status = status
		if got, err := newProvider(t, f).Query(t.Context(), newAttempt()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", status, got, err)
		}
	}
	for _, status := range []string{"TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"} {
		f := newFake(t)
		paid := f.paidTrade()
		paid.status = status
		if got, err := newProvider(t, f).Query(t.Context(), newAttempt()); err != nil || !reflect.DeepEqual(got, paidStatus(paid.no)) {
			t.Errorf("%s after it was paid: %+v, %v", status, got, err)
		}
	}
}

// Each field that tells a refunded trade from one that was never paid is enough: not all of them are always there.
func TestQueryOfARefundedTrade(t *testing.T) {
	for fields, want := range map[string]payment.AttemptState{
		``: payment.Closed, `"receipt_amount":"0.00","buyer_pay_amount":"0"`: payment.Closed,
		`"send_pay_date":"2026-11-21 02:30:00"`: payment.Paid, `"receipt_amount":"98.00"`: payment.Paid,
		`"buyer_pay_amount":"0.01"`: payment.Paid, `"receipt_amount":"?"`: payment.Paid,
	} {
		f := newFake(t)
		answer := fmt.Sprintf(`{"code":"10000","out_trade_no":%q,"trade_no":"20261121","total_amount":"98.00","trade_status":"TRADE_CLOSED",%s}`,
			attemptID, fields)
		f.answers["alipay.trade.query"] = strings.Replace(answer, ",}", "}", 1)
		if got, err := newProvider(t, f).Query(t.Context(), newAttempt()); err != nil || got.State != want {
			t.Errorf("%q: %+v, %v; want %s", fields, got, err, want)
		}
	}
}

// A page that nobody has opened is not known to Alipay, and may be opened until it expires.
func TestQueryOfAnUnknownTrade(t *testing.T) {
	p := newProvider(t, newFake(t))
	a := newAttempt()
	for at, want := range map[time.Time]payment.AttemptState{
		testNow().Add(time.Second): payment.Open, testNow(): payment.Closed, testNow().Add(-time.Hour): payment.Closed,
	} {
		a.ExpiresAt = at
		if got, err := p.Query(t.Context(), a); err != nil || got.State != want || len(got.Payments) != 0 {
			t.Errorf("expires %v: %+v, %v; want %s", at, got, err, want)
		}
	}
}

// The order's id is what Start sent, also when Alipay returns only the body, and whatever characters it has.
func TestQueryFindsTheOrder(t *testing.T) {
	for name, c := range map[string]struct{ fields, want string }{
		"passback": {`"passback_params":"a%2Bb%26c"`, "a+b&c"}, "body": {`"body":"order1"`, "order1"}, "neither": {`"body":"two words"`, ""},
		"wrong escape": {`"passback_params":"%zz","body":"order1"`, "order1"},
	} {
		f := newFake(t)
		f.answers["alipay.trade.query"] = fmt.Sprintf(
			`{"code":"10000","out_trade_no":%q,"trade_no":"20261121","total_amount":"98.00","trade_status":"TRADE_SUCCESS",%s}`, attemptID, c.fields)
		if got, err := newProvider(t, f).Query(t.Context(), newAttempt()); err != nil || got.Payments[0].OrderID != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// An answer that says nothing certain changes nothing: the office asks again.
func TestQueryReadsTheAnswer(t *testing.T) {
	good := fmt.Sprintf(`{"code":"10000","out_trade_no":%q,"trade_no":"20261121","total_amount":"98.00","trade_status":"TRADE_SUCCESS"}`, attemptID)
	for name, answer := range map[string]string{
		"other trade":    strings.Replace(good, attemptID, "other", 1),
		"unknown state":  strings.Replace(good, "TRADE_SUCCESS", "TRADE_PENDING", 1),
		"no trade_no":    strings.Replace(good, `"20261121"`, `""`, 1),
		"long trade_no":  strings.Replace(good, "20261121", strings.Repeat("2", 65), 1),
		"bad amount":     strings.Replace(good, "98.00", "98.001", 1),
		"nothing paid":   strings.Replace(good, "98.00", "0.00", 1),
		"in US dollars":  strings.Replace(good, `"98.00"`, `"98.00","trans_currency":"USD"`, 1),
		"null":           `null`,
		"empty":          `{}`,
		"not an object":  `[]`,
		"encrypted":      `"AAAA"`,
		"number for it":  strings.Replace(good, `"98.00"`, `98.00`, 1),
		"code missing":   strings.Replace(good, `"code":"10000",`, ``, 1),
		"code a success": strings.Replace(good, `"10000"`, `"10003"`, 1),
	} {
		f := newFake(t)
		f.answers["alipay.trade.query"] = answer
		if got, err := newProvider(t, f).Query(t.Context(), newAttempt()); err == nil || errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// An order was paid in another way, and its attempt was called closed, while the page of Alipay was open in another tab: it could
// be paid, and if the notification was lost, nobody asked for that money. What its payer can still open is open.
func TestAttemptWhosePayerHasNotComeIsOpenUntilItExpires(t *testing.T) {
	f := newFake(t)
	a := newAttempt()
	now := testNow()
	p := newProvider(t, f, func(o *alipay.Options) { o.Now = func() time.Time { return now } })
	started, err := p.Start(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time]payment.AttemptState{a.ExpiresAt.Add(-time.Second): payment.Open, a.ExpiresAt: payment.Closed} {
		now = at
		for name, call := range map[string]func(context.Context, payment.Attempt) (payment.Status, error){"query": p.Query, "close": p.Close} {
			if got, err := call(t.Context(), a); err != nil || got.State != want {
				t.Errorf("%s at %s: %+v, %v, want %s", name, at, got, err, want)
			}
		}
	}
	now = testNow()
	f.open(started.Action.URL)
	if got, err := p.Close(t.Context(), a); err != nil || got.State != payment.Closed {
		t.Errorf("after its payer has come: %+v, %v", got, err)
	}
}

// The order got more time before its payer came: started again, it is the same trade, until the new deadline.
func TestAttemptIsStartedAgainWithMoreTime(t *testing.T) {
	f := newFake(t)
	p, a := newProvider(t, f), newAttempt()
	first, err := p.Start(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	a.ExpiresAt = a.ExpiresAt.Add(5 * time.Minute)
	again, err := p.Start(t.Context(), a)
	if err != nil || !p.ExtendsUnopened() {
		t.Fatal(err)
	}
	if until := bizOf(t, f, again.Action.URL)["time_expire"]; until != "2026-11-21 02:50:00" {
		t.Errorf("it can be paid until %s", until)
	}
	if f.open(first.Action.URL) != f.open(again.Action.URL) {
		t.Error("the page that the payer had before is another payment")
	}
}

// Closing tells what became of the attempt, also when its payer was faster.
func TestClose(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	opened := f.create(attemptID, url.Values{"total_amount": {"98.00"}, "passback_params": {orderID}})
	for range 2 { // an attempt that is closed already is closed
		if got, err := p.Close(t.Context(), newAttempt()); err != nil || got.State != payment.Closed || opened.status != "TRADE_CLOSED" {
			t.Errorf("open: %+v, %v", got, err)
		}
	}
	opened.status = "WAIT_BUYER_PAY"
	f.before["alipay.trade.close"] = func(*http.Request) { opened.pay() } // a moment before
	if got, err := p.Close(t.Context(), newAttempt()); err != nil || !reflect.DeepEqual(got, paidStatus(opened.no)) {
		t.Errorf("just paid: %+v, %v", got, err)
	}
}

// Alipay has several names for a trade that is not waiting for its payer. After each the office must learn of the
// money.
func TestCloseAsksWhenItCannot(t *testing.T) {
	for _, code := range []string{
		"ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.REASON_ILLEGAL_STATUS", "ACQ.TRADE_STATUS_ERROR", "ACQ.TRADE_HAS_SUCCESS",
		"ACQ.TRADE_HAS_CLOSE", "ACQ.TRADE_HAS_FINISHED", "TRADE_HAS_SUCCESS",
	} {
		f := newFake(t)
		paid := f.paidTrade()
		f.fail["alipay.trade.close"] = code
		if got, err := newProvider(t, f).Close(t.Context(), newAttempt()); err != nil || !reflect.DeepEqual(got, paidStatus(paid.no)) {
			t.Errorf("%s: %+v, %v", code, got, err)
		}
	}
	f := newFake(t)
	f.answers["alipay.trade.close"] = `{"code":"10000","out_trade_no":"other"}`
	if got, err := newProvider(t, f).Close(t.Context(), newAttempt()); err == nil {
		t.Errorf("another trade was closed: %+v", got)
	}
}

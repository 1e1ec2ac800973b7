package alipay_test

import (
	"bytes"
	"encoding/base64"
	"errors"
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

// paidReport is what the notification of the fixture says.
func paidReport() payment.Report {
	return payment.Report{ID: "2026112100222023045001234567890123", Payments: []payment.Payment{{
		ID: "2026112122001400000000000001", AttemptID: attemptID, OrderID: orderID, Amount: event.Money{Amount: 9800, Currency: "CNY"},
	}}}
}

// with is a notification of which some fields are others; an empty value takes a field away.
func with(changes ...string) url.Values {
	values := notification()
	for i := 0; i < len(changes); i += 2 {
		values.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			values.Del(changes[i])
		}
	}
	return values
}

func verify(t *testing.T, p *alipay.Provider, body []byte) (payment.Report, error) {
	t.Helper()
	return p.Verify(t.Context(), http.Header{}, body)
}

// A payment is reported, under either of the names for it, and the same each time that it is sent.
func TestNotificationOfAPayment(t *testing.T) {
	p := newProvider(t, newFake(t))
	for _, values := range []url.Values{
		notification(), with("trade_status", "TRADE_FINISHED"), with("passback_params", ""), with("body", ""), with("refund_fee", "0.00"),
		with("receipt_amount", "90.00", "buyer_pay_amount", "90.00"), with("trans_currency", "CNY"), with("subject", "A&B = C"),
	} {
		for range 2 {
			if got, err := verify(t, p, signed(theirs(), values)); err != nil || !reflect.DeepEqual(got, paidReport()) {
				t.Errorf("%v: %+v, %v", values, got, err)
			}
		}
	}
}

// Notifications that say nothing of a payment are taken, and change nothing. One of a refund names the trade's status,
// and must be neither a payment nor a trade that was never paid.
func TestNotificationsThatSayNothing(t *testing.T) {
	p := newProvider(t, newFake(t))
	monthsAgo := china(testNow().AddDate(0, -3, 0))
	for name, values := range map[string]url.Values{
		"waiting":        with("trade_status", "WAIT_BUYER_PAY"),
		"new status":     with("trade_status", "TRADE_PENDING"),
		"other type":     with("notify_type", "dut_user_sign"),
		"part refunded":  with("refund_fee", "1.00", "gmt_refund", "2026-11-21 02:30:00.123"),
		"refund's time":  with("gmt_refund", "2026-11-21 02:30:00.123"),
		"refund's sum":   with("refund_fee", "1.00"),
		"odd refund sum": with("refund_fee", "?"),
		"all refunded":   with("trade_status", "TRADE_CLOSED", "refund_fee", "98.00", "gmt_refund", "2026-11-21 02:30:00.123"),
		"closed, paid":   with("trade_status", "TRADE_CLOSED"),
		"refund over":    with("trade_status", "TRADE_FINISHED", "gmt_payment", monthsAgo),
	} {
		want := payment.Report{ID: paidReport().ID}
		if got, err := verify(t, p, signed(theirs(), values)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A trade that was closed unpaid frees its attempt.
func TestNotificationOfAClosedTrade(t *testing.T) {
	p := newProvider(t, newFake(t))
	got, err := verify(t, p, signed(theirs(), with("trade_status", "TRADE_CLOSED", "gmt_payment", "")))
	if err != nil || !reflect.DeepEqual(got, payment.Report{ID: paidReport().ID, Closed: []string{attemptID}}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// No byte of a notification can be changed. Bits are chosen that change what a byte means: %2f and %2F are one letter.
func TestEveryByteIsSigned(t *testing.T) {
	p := newProvider(t, newFake(t))
	body := signed(theirs(), notification())
	for i := range body {
		for _, bit := range []byte{1, 2, 4, 16} {
			changed := bytes.Clone(body)
			changed[i] ^= bit
			before, _ := url.ParseQuery(string(body))
			if after, err := url.ParseQuery(string(changed)); err == nil && reflect.DeepEqual(after, before) {
				continue
			}
			if got, err := verify(t, p, changed); !errors.Is(err, payment.ErrForged) || !reflect.DeepEqual(got, payment.Report{}) {
				t.Fatalf("byte %d, %q for %q, was taken: %v", i, changed[i], body[i], err)
			}
		}
	}
}

// What is not certainly Alipay's word to us is not believed.
func TestForgedNotifications(t *testing.T) {
	p := newProvider(t, newFake(t))
	good := string(signed(theirs(), notification()))
	unsigned := notification()
	unsigned.Set("sign_type", "RSA2")
	values, _ := url.ParseQuery(good)
	raw, _ := base64.StdEncoding.DecodeString(values.Get("sign"))
	for name, body := range map[string]string{
		"nothing":           "",
		"no signature":      unsigned.Encode(),
		"empty signature":   unsigned.Encode() + "&sign=",
		"short signature":   unsigned.Encode() + "&sign=" + url.QueryEscape(base64.StdEncoding.EncodeToString(raw[:255])),
		"broken lines":      unsigned.Encode() + "&sign=" + url.QueryEscape(values.Get("sign")[:8]+"\n"+values.Get("sign")[8:]),
		"application's key": string(signed(appKey(), notification())),
		"unknown key":       string(signed(theirs2(), notification())),
		"no sign type":      strings.Replace(good, "&sign_type=RSA2", "", 1),
		"RSA":               strings.Replace(good, "sign_type=RSA2", "sign_type=RSA", 1),
		"two signatures":    good + "&sign=" + url.QueryEscape(values.Get("sign")),
		"two sign types":    good + "&sign_type=RSA2",
		"two amounts":       good + "&total_amount=1.00",
		"two amounts first": "total_amount=98.00&" + good,
		"two empty":         good + "&extra=&extra=",
		"one more":          good + "&extra=1",
		"one less":          strings.Replace(good, "&version=1.0", "", 1),
		"semicolon":         good + ";x=1",
		"bad escape":        good + "&x=%zz",
		"JSON":              `{"app_id":"` + appID + `"}`,
		"other app":         string(signed(theirs(), with("app_id", "2021000122600002"))),
		"no app":            string(signed(theirs(), with("app_id", ""))),
		"other seller":      string(signed(theirs(), with("seller_id", "2088102146225136"))),
		"no seller":         string(signed(theirs(), with("seller_id", ""))),
		"no time":           string(signed(theirs(), with("notify_time", ""))),
		"time of no form":   string(signed(theirs(), with("notify_time", "2026-11-21T02:30:00Z"))),
		"old":               string(signed(theirs(), with("notify_time", china(testNow().Add(-25*time.Hour-time.Second))))),
		"of tomorrow":       string(signed(theirs(), with("notify_time", china(testNow().Add(15*time.Minute+time.Second))))),
	} {
		if got, err := verify(t, p, []byte(body)); !errors.Is(err, payment.ErrForged) || !reflect.DeepEqual(got, payment.Report{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A signature does not tell where one parameter ends: without this check a relay could hide the refund in the value
// before it, and make its notification one of a payment.
func TestParametersCannotBeMerged(t *testing.T) {
	p := newProvider(t, newFake(t))
	values, err := url.ParseQuery(string(signed(theirs(), with("gmt_refund", "2026-11-21 02:30:00.123"))))
	if err != nil {
		t.Fatal(err)
	}
	merged, hidden := url.Values{}, values.Get("gmt_payment")+"&gmt_refund="+values.Get("gmt_refund")
	named := url.Values{}
	for name := range values {
		if name != "gmt_refund" && name != "gmt_payment" {
			merged.Set(name, values.Get(name))
			named.Set(name, values.Get(name))
		}
	}
	merged.Set("gmt_payment", hidden)
	named.Set("gmt_payment="+values.Get("gmt_payment")+"&gmt_refund", values.Get("gmt_refund"))
	for _, body := range []url.Values{merged, named} {
		if got, err := verify(t, p, []byte(body.Encode())); !errors.Is(err, payment.ErrForged) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// The library fetches and believes a certificate of which a notification, not yet verified, has only the number.
func TestNoKeyIsFetchedForANotification(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	body := string(signed(theirs2(), notification())) + "&alipay_cert_sn=0123456789abcdef"
	if got, err := verify(t, p, []byte(body)); !errors.Is(err, payment.ErrForged) || len(f.calls) != 0 {
		t.Errorf("%+v, %v, calls %q", got, err, f.calls)
	}
}

// Alipay repeats a notification for a day, perhaps with the time of the first: the last of them is still taken.
func TestNotificationsOfTheLastDay(t *testing.T) {
	p := newProvider(t, newFake(t))
	for _, age := range []time.Duration{-15 * time.Minute, 0, 24*time.Hour + 22*time.Minute, 25 * time.Hour} {
		values := with("notify_time", china(testNow().Add(-age)))
		if got, err := verify(t, p, signed(theirs(), values)); err != nil || !reflect.DeepEqual(got, paidReport()) {
			t.Errorf("%v old: %+v, %v", age, got, err)
		}
	}
}

// While Alipay changes its key, either signs. Without a seller of ours, any of the application's is taken.
func TestNotificationsOfTwoKeys(t *testing.T) {
	p := newProvider(t, newFake(t), func(o *alipay.Options) {
		o.PublicKeys, o.SellerID = []string{publicText(theirs()), publicText(theirs2())}, ""
	})
	for i, body := range [][]byte{signed(theirs(), with("seller_id", "2088000000000000")), signed(theirs2(), with("seller_id", ""))} {
		if got, err := verify(t, p, body); err != nil || !reflect.DeepEqual(got, paidReport()) {
			t.Errorf("key %d: %+v, %v", i, got, err)
		}
	}
	if _, err := verify(t, p, signed(appKey(), notification())); !errors.Is(err, payment.ErrForged) {
		t.Errorf("a third key: %v", err)
	}
}

// Signed, and still nothing that can be put in the books: the office says why, and Alipay sends it again.
func TestNotificationsThatCannotBeTaken(t *testing.T) {
	p := newProvider(t, newFake(t))
	for want, values := range map[string]url.Values{
		"trade_no must":      with("trade_no", ""),
		"trade_no must have": with("trade_no", strings.Repeat("2", 65)),
		"out_trade_no must":  with("out_trade_no", "a b"),
		"out_trade_no":       with("trade_status", "TRADE_CLOSED", "gmt_payment", "", "out_trade_no", ""),
		"notify_id":          with("notify_id", strings.Repeat("x", 256)),
		"notify_id must":     with("notify_id", ""),
		"total_amount":       with("total_amount", "98.001"),
		"total_amount must":  with("total_amount", "0.00"),
		"amount":             with("total_amount", ""),
		"trans_currency":     with("trans_currency", "JPY", "total_amount", "98"),
		"trans_currency mu":  with("trans_currency", "KWD", "total_amount", "98.000"),
		"passback_params":    with("passback_params", "", "body", ""),
		"passback_params or": with("passback_params", "%zz", "body", "two words"),
	} {
		got, err := verify(t, p, signed(theirs(), values))
		bad, ok := errors.AsType[payment.BadCallback](err)
		if !ok || !bad.Readable || !strings.Contains(bad.Detail, want) || !reflect.DeepEqual(got, payment.Report{}) {
			t.Errorf("%s: %+v, %v", want, got, err)
		}
	}
}

// Ids of orders survive the way there and back, whatever characters they have.
func TestOrderIDsAreEscaped(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	a := newAttempt()
	a.OrderID = "a+b&c=d%2F?"
	started, err := p.Start(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	opened := f.open(started.Action.URL)
	values := with("passback_params", opened.passback, "body", "")
	got, err := verify(t, p, signed(theirs(), values))
	if err != nil || len(got.Payments) != 1 || got.Payments[0].OrderID != a.OrderID {
		t.Errorf("%+v, %v", got, err)
	}
}

// FuzzNotification: nothing that is not signed is believed, and nothing makes the provider panic.
func FuzzNotification(f *testing.F) {
	p, err := alipay.New(alipay.Options{
		Office: office, AppID: appID, PrivateKey: appKeyText(), PublicKeys: []string{publicText(theirs())}, Now: testNow,
		CallbackURL: func() string { return callback },
	})
	if err != nil {
		f.Fatal(err)
	}
	good := signed(theirs(), notification())
	want, _ := url.ParseQuery(string(good))
	f.Add(good)
	f.Add([]byte("sign=AAAA&sign_type=RSA2"))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := p.Verify(t.Context(), nil, body)
		given, _ := url.ParseQuery(string(body))
		given.Del("alipay_cert_sn") // is not signed, and says nothing but which key was used
		if err == nil && !reflect.DeepEqual(given, want) {
			t.Errorf("%q was believed", body)
		} else if err != nil && !errors.Is(err, payment.ErrForged) {
			t.Errorf("%q: %v", body, err)
		}
	})
}

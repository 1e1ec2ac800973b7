package wechat_test

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/payment"
	"boxoffice/payment/wechat"
)

// paidNotice is what a notification of a payment says.
func paidNotice() map[string]any {
	return map[string]any{
		"transaction_id": "4200002310202611200000000001", "mchid": testMerchantID, "appid": testAppID,
		"out_trade_no": testAttemptID, "attach": testOrderID, "trade_state": "SUCCESS", "trade_state_desc": "paid",
		"trade_type": "NATIVE", "bank_type": "CMC", "success_time": "2026-11-20T19:59:58+08:00",
		"payer":  map[string]any{"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
		"amount": map[string]any{"total": 9800, "payer_total": 9700, "currency": "CNY", "payer_currency": "CNY"},
	}
}

// refundNotice is what a notification of a refund says.
func refundNotice(status string) map[string]any {
	return map[string]any{
		"mchid": testMerchantID, "transaction_id": "420", "out_trade_no": testAttemptID, "refund_id": "50300",
		"out_refund_no": "rf_17_2", "refund_status": status, "user_received_account": "card 0403",
		"amount": map[string]any{"total": 9800, "refund": 9800, "payer_total": 9800, "payer_refund": 9800},
	}
}

// with returns a notice with another value; nil takes it away.
func with(notice map[string]any, field string, v any) map[string]any {
	changed := maps.Clone(notice)
	changed[field] = v
	if v == nil {
		delete(changed, field)
	}
	return changed
}

func wantForged(t *testing.T, what string, report payment.Report, err error) {
	t.Helper()
	if !errors.Is(err, payment.ErrForged) || !reflect.DeepEqual(report, payment.Report{}) {
		t.Errorf("%s: got %+v, %v, want it to be forged", what, report, err)
	}
	wantNoSecret(t, err)
}

// A payment is reported with what the order cost, though the payer had a coupon; its time is within five minutes of ours.
func TestNotificationOfAPayment(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	want := payment.Report{ID: "EV-2026112020000000001", Payments: []payment.Payment{{
		ID: "4200002310202611200000000001", AttemptID: testAttemptID, OrderID: testOrderID,
		Amount: event.Money{Amount: 9800, Currency: "CNY"},
	}}}
	for _, at := range []time.Duration{0, -5 * time.Minute, 5 * time.Minute} {
		header, body := f.notification(testNow().Add(at), "TRANSACTION.SUCCESS", paidNotice())
		got, err := p.Verify(t.Context(), header, body)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", at, got, err, want)
		}
		header.Del("Wechatpay-Signature-Type") // which older notifications lack
		if _, err := p.Verify(t.Context(), header, body); err != nil {
			t.Errorf("without a type: %v", err)
		}
	}
}

// Money is recorded in the currency it came in, whatever its decimals: to compare it with the order is not done here.
func TestNotificationOfAnotherCurrency(t *testing.T) {
	f := newFake(t)
	for _, money := range []event.Money{{Amount: 500, Currency: "JPY"}, {Amount: 1500, Currency: "KWD"}} {
		says := with(paidNotice(), "amount", map[string]any{"total": money.Amount, "currency": money.Currency})
		header, body := f.notification(testNow(), "TRANSACTION.SUCCESS", says)
		got, err := newProvider(t, f).Verify(t.Context(), header, body)
		if err != nil || len(got.Payments) != 1 || got.Payments[0].Amount != money {
			t.Errorf("got %+v, %v, want %v", got, err, money)
		}
	}
}

// A refund is reported as it ended, by its key.
func TestNotificationOfARefund(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	for status, want := range map[string]payment.RefundState{
		"SUCCESS": payment.RefundDone, "ABNORMAL": payment.RefundStuck, "CLOSED": payment.RefundFailed,
	} {
		header, body := f.notification(testNow(), "REFUND."+status, refundNotice(status))
		got, err := p.Verify(t.Context(), header, body)
		if err != nil || len(got.Refunds) != 1 || len(got.Payments) != 0 || got.ID == "" {
			t.Errorf("%s: got %+v, %v", status, got, err)
			continue
		}
		if r := got.Refunds[0]; r.Key != "rf_17_2" || r.State != want || r.Reference != "50300" {
			t.Errorf("%s: got %+v, want %s", status, r, want)
		}
	}
}

// Notifications that say nothing of money are taken and empty, also those that cannot be decrypted or are yet unknown.
func TestNotificationThatSaysNothing(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	for name, body := range map[string]any{
		"unknown type": map[string]any{"id": "EV-1", "event_type": "PAYSCORE.USER_OPEN_SERVICE", "resource": "?"},
		"no type":      map[string]any{"id": "EV-1"},
	} {
		header, raw := f.signedBody(testNow(), body)
		if got, err := p.Verify(t.Context(), header, raw); err != nil || !reflect.DeepEqual(got, payment.Report{ID: "EV-1"}) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	for _, state := range []string{"NOTPAY", "CLOSED", "PAYERROR"} {
		header, raw := f.notification(testNow(), "TRANSACTION.SUCCESS", with(paidNotice(), "trade_state", state))
		if got, err := p.Verify(t.Context(), header, raw); err != nil || got.Payments != nil {
			t.Errorf("%s: got %+v, %v", state, got, err)
		}
	}
}

// Each byte of the body and of each header is signed, or is what names the key, the time and the signature.
func TestTamperedNotificationIsForged(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	header, body := f.notification(testNow(), "TRANSACTION.SUCCESS", paidNotice())
	for i := range body {
		tampered := bytes.Clone(body)
		tampered[i] ^= 1
		report, err := p.Verify(t.Context(), header, tampered)
		wantForged(t, "byte "+strconv.Itoa(i), report, err)
	}
	for name := range header {
		for i := range header.Get(name) {
			tampered := []byte(header.Get(name))
			tampered[i] ^= 1
			changed := header.Clone()
			changed.Set(name, string(tampered))
			report, err := p.Verify(t.Context(), changed, body)
			wantForged(t, name+" byte "+strconv.Itoa(i), report, err)
		}
	}
	for _, tampered := range [][]byte{nil, body[1:], body[:len(body)-1], append(bytes.Clone(body), ' ')} {
		report, err := p.Verify(t.Context(), header, tampered)
		wantForged(t, "length", report, err)
	}
}

// A header that is missing, empty, there twice, or written in another way is not of WeChat Pay.
func TestHeadersAreThereOnce(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	header, body := f.notification(testNow(), "TRANSACTION.SUCCESS", paidNotice())
	for _, name := range []string{"Wechatpay-Serial", "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature"} {
		for what, values := range map[string][]string{
			"missing": nil, "empty": {""}, "twice": {header.Get(name), header.Get(name)}, "another first": {"x", header.Get(name)},
			"another second": {header.Get(name), "x"}, "spaced": {header.Get(name) + " "}, "endless": {strings.Repeat("A", 2000)},
		} {
			changed := header.Clone()
			changed[name] = values
			report, err := p.Verify(t.Context(), changed, body)
			wantForged(t, name+" "+what, report, err)
		}
	}
	for name, value := range map[string]string{
		"Wechatpay-Timestamp": "+" + header.Get("Wechatpay-Timestamp"),
		// WeChat Pay tests with such signatures whether anybody checks them.
		"Wechatpay-Signature":      "WECHATPAY/SIGNTEST/" + header.Get("Wechatpay-Signature"),
		"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3",
	} {
		changed := header.Clone()
		changed.Set(name, value)
		report, err := p.Verify(t.Context(), changed, body)
		wantForged(t, name, report, err)
	}
	doubled := header.Clone()
	doubled.Add("Wechatpay-Signature-Type", header.Get("Wechatpay-Signature-Type"))
	report, err := p.Verify(t.Context(), doubled, body)
	wantForged(t, "type twice", report, err)
}

// The last letter of base64 has bits that mean nothing: other spellings of a signature are not taken.
func TestSignatureHasOneSpelling(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	header, body := f.notification(testNow(), "TRANSACTION.SUCCESS", paidNotice())
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	signature := header.Get("Wechatpay-Signature")
	last := len(signature) - len("==") - 1
	for _, letter := range alphabet {
		if string(letter) == signature[last:last+1] {
			continue
		}
		header.Set("Wechatpay-Signature", signature[:last]+string(letter)+"==")
		report, err := p.Verify(t.Context(), header, body)
		wantForged(t, string(letter), report, err)
	}
}

// A notification that was recorded by somebody is not taken again later, nor one of the future.
func TestReplayedNotificationIsForged(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	for _, at := range []time.Duration{-5*time.Minute - time.Second, 5*time.Minute + time.Second, -1000 * time.Hour} {
		header, body := f.notification(testNow().Add(at), "TRANSACTION.SUCCESS", paidNotice())
		report, err := p.Verify(t.Context(), header, body)
		wantForged(t, at.String(), report, err)
	}
}

// The merchant replaced the APIv3 key: notifications that were encrypted with the other one were taken for forged, and lost. Each
// key that is configured opens them, and no other.
func TestAPIv3KeysAreReplaced(t *testing.T) {
	f := newFake(t)
	opts := newOptions(t, f)
	next, third := strings.Repeat("n", 32), strings.Repeat("t", 32)
	opts.APIv3Keys = []string{next, testAPIv3Key}
	p, err := wechat.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range opts.APIv3Keys {
		header, body := f.notificationWith(testNow(), key, "TRANSACTION.SUCCESS", encode(t, paidNotice()))
		if got, err := p.Verify(t.Context(), header, body); err != nil || len(got.Payments) != 1 {
			t.Errorf("%.3s: got %+v, %v", key, got, err)
		}
	}
	header, body := f.notificationWith(testNow(), third, "TRANSACTION.SUCCESS", encode(t, paidNotice()))
	report, err := p.Verify(t.Context(), header, body)
	wantForged(t, "third key", report, err)
}

// While WeChat Pay replaces its key, or a certificate by a key, notifications are signed with either one.
func TestKeysAreReplaced(t *testing.T) {
	f := newFake(t)
	opts := newOptions(t, f)
	opts.PublicKeys = append(opts.PublicKeys, wechat.PublicKey{ID: "ABCD", PEM: certificatePEM(t, testKeys(t)[2], 0xabcd)})
	p, err := wechat.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range []string{testKeyID, "ABCD"} {
		f.keyID, f.signKey = id, testKeys(t)[i+1]
		header, body := f.notification(testNow(), "TRANSACTION.SUCCESS", paidNotice())
		if got, err := p.Verify(t.Context(), header, body); err != nil || len(got.Payments) != 1 {
			t.Errorf("%s: got %+v, %v", id, got, err)
		}
		f.signKey = testKeys(t)[2-i]
		header, body = f.notification(testNow(), "TRANSACTION.SUCCESS", paidNotice())
		report, err := p.Verify(t.Context(), header, body)
		wantForged(t, id+" with the other key", report, err)
	}
	f.keyID = "PUB_KEY_ID_9"
	header, body := f.notification(testNow(), "TRANSACTION.SUCCESS", paidNotice())
	report, err := p.Verify(t.Context(), header, body)
	wantForged(t, "unknown key", report, err)
	f.keyID, f.signKey = testKeyID, testKeys(t)[1] // with which answers are asked for
	if _, err := p.Start(t.Context(), newAttempt()); err != nil {
		t.Error(err)
	}
}

// What is signed for another merchant or application, or encrypted with another key, is not for us.
func TestNotificationForOthersIsForged(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	for name, says := range map[string]map[string]any{
		"other merchant": with(paidNotice(), "mchid", "1900000110"), "no merchant": with(paidNotice(), "mchid", nil),
		"other application": with(paidNotice(), "appid", "wx0"), "no application": with(paidNotice(), "appid", nil),
		"other merchant, unpaid": with(with(paidNotice(), "mchid", "1"), "trade_state", "CLOSED"),
	} {
		header, body := f.notification(testNow(), "TRANSACTION.SUCCESS", says)
		report, err := p.Verify(t.Context(), header, body)
		wantForged(t, name, report, err)
	}
	header, body := f.notification(testNow(), "REFUND.SUCCESS", with(refundNotice("SUCCESS"), "mchid", "1900000110"))
	report, err := p.Verify(t.Context(), header, body)
	wantForged(t, "refund of another merchant", report, err)

	header, body = f.notificationWith(testNow(), strings.Repeat("k", 32), "TRANSACTION.SUCCESS", encode(t, paidNotice()))
	report, err = p.Verify(t.Context(), header, body)
	wantForged(t, "other APIv3 key", report, err)

	for name, resource := range map[string]map[string]any{
		"no nonce":    {"algorithm": "AEAD_AES_256_GCM", "ciphertext": "AAAA"},
		"short nonce": {"algorithm": "AEAD_AES_256_GCM", "ciphertext": "AAAA", "nonce": "1"},
		"no base64":   {"algorithm": "AEAD_AES_256_GCM", "ciphertext": "?", "nonce": "fdasflkja484"},
		"empty":       {"algorithm": "AEAD_AES_256_GCM", "nonce": "fdasflkja484"},
	} {
		header, body := f.signedBody(testNow(), map[string]any{"id": "EV-1", "event_type": "TRANSACTION.SUCCESS", "resource": resource})
		report, err := p.Verify(t.Context(), header, body)
		wantForged(t, name, report, err)
	}
}

// A signed body that is not as documented is told from one with a value that is not allowed.
func TestNotificationThatCannotBeTaken(t *testing.T) {
	f := newFake(t)
	p := newProvider(t, f)
	verify := func(t *testing.T, header http.Header, body []byte, readable bool) {
		t.Helper()
		report, err := p.Verify(t.Context(), header, body)
		bad, ok := errors.AsType[payment.BadCallback](err)
		if !ok || bad.Readable != readable || bad.Detail == "" || !reflect.DeepEqual(report, payment.Report{}) {
			t.Errorf("got %+v, %v, want a bad callback", report, err)
		}
	}
	for name, body := range map[string]string{
		"no JSON": "garbage", "empty": "", "id twice": `{"id":"a","id":"b"}`, "list": "[]",
		"resource of another kind": `{"id":"a","event_type":"TRANSACTION.SUCCESS","resource":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			header, raw := f.signedBody(testNow(), []byte(body))
			verify(t, header, raw, false)
		})
	}
	for name, body := range map[string]string{
		"no id": `{"event_type":"X"}`, "long id": `{"id":"` + strings.Repeat("x", 256) + `","event_type":"X"}`,
		"no resource":     `{"id":"a","event_type":"TRANSACTION.SUCCESS"}`,
		"other algorithm": `{"id":"a","event_type":"REFUND.SUCCESS","resource":{"algorithm":"SM4"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			header, raw := f.signedBody(testNow(), []byte(body))
			verify(t, header, raw, true)
		})
	}
	t.Run("amount twice", func(t *testing.T) {
		says := bytes.Replace(encode(t, paidNotice()), []byte(`"total":9800`), []byte(`"total":1,"total":9800`), 1)
		header, raw := f.notificationWith(testNow(), testAPIv3Key, "TRANSACTION.SUCCESS", says)
		verify(t, header, raw, false)
	})
	for name, says := range map[string]map[string]any{
		"no transaction id":   with(paidNotice(), "transaction_id", nil),
		"long transaction id": with(paidNotice(), "transaction_id", strings.Repeat("4", 65)),
		"no attempt":          with(paidNotice(), "out_trade_no", nil),
		"no order":            with(paidNotice(), "attach", nil),
		"order of two words":  with(paidNotice(), "attach", "two words"),
		"no amount":           with(paidNotice(), "amount", nil),
		"no money":            with(paidNotice(), "amount", map[string]any{"total": 0, "currency": "CNY"}),
		"strange currency":    with(paidNotice(), "amount", map[string]any{"total": 1, "currency": "yuan"}),
	} {
		t.Run(name, func(t *testing.T) {
			header, raw := f.notification(testNow(), "TRANSACTION.SUCCESS", says)
			verify(t, header, raw, true)
		})
	}
	for name, says := range map[string]map[string]any{
		"other status": refundNotice("PROCESSING"), "no status": with(refundNotice("SUCCESS"), "refund_status", nil),
		"no key": with(refundNotice("SUCCESS"), "out_refund_no", nil),
	} {
		t.Run(name, func(t *testing.T) {
			header, raw := f.notification(testNow(), "REFUND.SUCCESS", says)
			verify(t, header, raw, true)
		})
	}
}

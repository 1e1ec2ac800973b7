package wechat_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"testing"
	"time"

	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
)

// FuzzNotification: nothing is believed that is not signed, and whatever is signed and encrypted is a report of money that can
// be recorded, or is refused in words.
func FuzzNotification(f *testing.F) {
	fake := newFake(f)
	p := newProvider(f, fake)
	header, good := fake.notification(testNow(), "TRANSACTION.SUCCESS", paidNotice())
	f.Add(good, "TRANSACTION.SUCCESS", encode(f, paidNotice()), int64(0), header.Get("Wechatpay-Signature"))
	f.Add([]byte(`{"id":"EV-1","event_type":"TRANSACTION.SUCCESS"}`), "REFUND.SUCCESS", encode(f, refundNotice("SUCCESS")), int64(300), "AAAA")
	f.Add([]byte(`{"id":"EV-1","event_type":"REFUND.CLOSED","resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"short"}}`),
		"REFUND.ABNORMAL", encode(f, refundNotice("ABNORMAL")), int64(-301), "====")
	f.Add([]byte("null"), "", []byte("null"), int64(1<<62), "")
	f.Fuzz(func(t *testing.T, body []byte, kind string, says []byte, seconds int64, signature string) {
		unsigned := http.Header{
			"Wechatpay-Serial": {testKeyID}, "Wechatpay-Timestamp": header["Wechatpay-Timestamp"],
			"Wechatpay-Nonce": header["Wechatpay-Nonce"], "Wechatpay-Signature": {signature},
		}
		if _, err := p.Verify(t.Context(), unsigned, body); !errors.Is(err, payment.ErrForged) &&
			(!bytes.Equal(body, good) || signature != header.Get("Wechatpay-Signature")) {
			t.Errorf("%q is not signed: %v", body, err)
		}
		by := fakePay{signKey: fake.signKey, keyID: fake.keyID}
		by.t = t
		h, raw := by.signedBody(testNow(), body)
		report, err := p.Verify(t.Context(), h, raw)
		wantReport(t, body, report, err)
		h, raw = by.notificationWith(testNow().Add(time.Duration(seconds%600)*time.Second), testAPIv3Key, kind, says)
		report, err = p.Verify(t.Context(), h, raw)
		wantReport(t, says, report, err)
	})
}

func wantReport(t *testing.T, says []byte, report payment.Report, err error) {
	t.Helper()
	if err != nil {
		if bad, ok := errors.AsType[payment.BadCallback](err); !errors.Is(err, payment.ErrForged) && (!ok || bad.Detail == "") {
			t.Errorf("%s: %v", base64.StdEncoding.EncodeToString(says), err)
		}
		return
	}
	for _, paid := range report.Payments {
		if paid.Amount.Amount < 1 || !idform.IsVisibleASCII(paid.Amount.Currency, order.CurrencyMax) ||
			!idform.IsVisibleASCII(paid.OrderID, order.IDMax) || !idform.IsVisibleASCII(paid.ID, order.IDMax) {
			t.Errorf("%q: %+v cannot be recorded", says, paid)
		}
	}
}

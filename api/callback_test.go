package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"boxoffice/common/event"
	"boxoffice/order"
)

const paidBody = `{"type":"payment.succeeded","timestamp":"2026-11-20T12:00:00Z","data":{"payment_id":"pay_1",` +
	`"order_id":"` + orderID + `","amount":9800,"currency":"CNY","method":"card"},"api_version":"7"}`

// signedHeader is made by the specification's own library.
func signedHeader(t testing.TB, secret, id string, sent time.Time, body string) http.Header {
	t.Helper()
	webhook, err := standardwebhooks.NewWebhook(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := webhook.Sign(id, sent, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return http.Header{
		"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(sent.Unix(), 10)}, "Webhook-Signature": {signature},
	}
}

func callback(t testing.TB, secret string, sent time.Time, body string) ask {
	return ask{method: "POST", path: "/v1/payments/callback", body: body, header: signedHeader(t, secret, "msg_1", sent, body)}
}

func TestCallbackAnswersWhatThePaymentCameTo(t *testing.T) {
	f := newFixture(t)
	for _, result := range []order.PaymentResult{order.Applied, order.Duplicate, order.Parked, order.RefundDue, order.Mismatch} {
		var got order.Payment
		f.orders.pay = func(p order.Payment) (order.PaymentResult, error) {
			got = p
			return result, nil
		}
		w := f.send(t, callback(t, testWebhookSecret, testNow(), paidBody))
		if w.Code != 200 || w.Body.String() != `{"result":"`+string(result)+`"}` {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
		want := order.Payment{ID: "pay_1", Provider: order.DefaultProvider, OrderID: orderID, WebhookID: "msg_1",
			Amount: event.Money{Amount: 9800, Currency: "CNY"}}
		if got != want {
			t.Errorf("paid %+v, want %+v", got, want)
		}
	}
}

// A signed callback with "Amount" beside "amount" paid what the last of them said, and providers do add fields.
func TestCallbackIsReadByExactNames(t *testing.T) {
	for _, c := range []struct {
		old, with string
		status    int
		amount    int64
	}{
		{`"amount":9800`, `"amount":9800,"Amount":1`, 200, 9800},
		{`"amount":9800`, `"Amount":9800`, 422, 0},
		{`"amount":9800`, `"amount":1,"amount":9800`, 400, 0},
		{`"amount":9800`, `"amount":9800.0`, 200, 9800},
		{`"amount":9800`, `"amount":9800.5`, 400, 0},
		{`"data":`, `"data":{},"data":`, 400, 0},
		{`"api_version":"7"`, `"api_version":null,"extra":{"Type":1}`, 200, 9800},
	} {
		f := newFixture(t)
		var got order.Payment
		f.orders.pay = func(p order.Payment) (order.PaymentResult, error) {
			got = p
			return order.Applied, nil
		}
		body := strings.Replace(paidBody, c.old, c.with, 1)
		if w := f.send(t, callback(t, testWebhookSecret, testNow(), body)); w.Code != c.status || got.Amount.Amount != c.amount {
			t.Errorf("%s: answered %d %s, paid %d; want %d and %d", c.with, w.Code, w.Body, got.Amount.Amount, c.status, c.amount)
		}
	}
}

// A callback that was not recorded must not be answered with success, or the provider forgets it.
func TestCallbackIsNotAcceptedBeforeItIsRecorded(t *testing.T) {
	f := newFixture(t)
	for err, status := range map[error]int{order.ErrBusy: 503, order.ErrUnavailable: 503, errors.New("disk"): 500} {
		f.orders.pay = func(order.Payment) (order.PaymentResult, error) { return "", err }
		if w := f.send(t, callback(t, testWebhookSecret, testNow(), paidBody)); w.Code != status {
			t.Errorf("%v was answered %d", err, w.Code)
		}
	}
}

func TestCallbackSignatures(t *testing.T) {
	f := newFixture(t)
	good := func() ask { return callback(t, testWebhookSecret, testNow(), paidBody) }
	set := func(name string, values ...string) func(*ask) {
		return func(a *ask) { a.header[name] = values }
	}
	otherSecret := "whsec_" + strings.Repeat("QUJD", 8)
	signature := good().header.Get("Webhook-Signature")
	for name, c := range map[string]struct {
		change func(*ask)
		status int
	}{
		"good":                      {func(*ask) {}, 200},
		"the old secret":            {func(a *ask) { *a = callback(t, oldWebhookSecret, testNow(), paidBody) }, 200},
		"another secret":            {func(a *ask) { *a = callback(t, otherSecret, testNow(), paidBody) }, 401},
		"good among others":         {set("Webhook-Signature", "v1a,AAAA v1,AAAA "+signature), 200},
		"too many signatures":       {set("Webhook-Signature", strings.Repeat("v1,AAAA ", 8)+signature), 401},
		"another version":           {set("Webhook-Signature", "v2"+signature[2:]), 401},
		"no version":                {set("Webhook-Signature", signature[3:]), 401},
		"empty signature":           {set("Webhook-Signature", ""), 401},
		"no signature":              {set("Webhook-Signature"), 401},
		"signature twice":           {set("Webhook-Signature", signature, signature), 401},
		"no id":                     {set("Webhook-Id"), 401},
		"another id":                {set("Webhook-Id", "msg_2"), 401},
		"no timestamp":              {set("Webhook-Timestamp"), 401},
		"timestamp with sign":       {set("Webhook-Timestamp", "+"+good().header.Get("Webhook-Timestamp")), 401},
		"timestamp in milliseconds": {set("Webhook-Timestamp", strconv.FormatInt(testNow().UnixMilli(), 10)), 401},
		"timestamp is no number":    {set("Webhook-Timestamp", "now"), 401},
		"4:59 old":                  {func(a *ask) { *a = callback(t, testWebhookSecret, testNow().Add(-299*time.Second), paidBody) }, 200},
		"5:01 old":                  {func(a *ask) { *a = callback(t, testWebhookSecret, testNow().Add(-301*time.Second), paidBody) }, 401},
		"5:00 ahead":                {func(a *ask) { *a = callback(t, testWebhookSecret, testNow().Add(300*time.Second), paidBody) }, 200},
		"5:01 ahead":                {func(a *ask) { *a = callback(t, testWebhookSecret, testNow().Add(301*time.Second), paidBody) }, 401},
		"body with a space more":    {func(a *ask) { a.body += " " }, 401},
		"no body":                   {func(a *ask) { a.body = "" }, 401},
	} {
		a := good()
		c.change(&a)
		paid := 0
		f.orders.pay = func(order.Payment) (order.PaymentResult, error) { paid++; return order.Applied, nil }
		w := f.send(t, a)
		if w.Code != c.status || (paid > 0) != (c.status == 200) {
			t.Errorf("%s: answered %d %s after %d payments, want %d", name, w.Code, w.Body, paid, c.status)
		}
		if c.status == 401 {
			wantProblem(t, w, 401, "bad_signature")
		}
	}
}

// One changed byte anywhere, in the body or in a signed header, and the callback is worth nothing.
func TestCallbackTamperedAnywhere(t *testing.T) {
	f := newFixture(t)
	f.orders.pay = func(p order.Payment) (order.PaymentResult, error) {
		t.Errorf("a forged payment came through: %+v", p)
		return order.Applied, nil
	}
	flip := func(s string, i int, mask byte) string {
		b := []byte(s)
		b[i] ^= mask
		return string(b)
	}
	spoil := func(t *testing.T, part string, at int, mask byte) {
		t.Helper()
		a := callback(t, testWebhookSecret, testNow(), paidBody)
		if part == "body" {
			a.body = flip(a.body, at, mask)
		} else {
			a.header[part] = []string{flip(a.header.Get(part), at, mask)}
		}
		wantProblem(t, f.send(t, a), 401, "bad_signature")
	}
	good := callback(t, testWebhookSecret, testNow(), paidBody)
	parts := map[string]int{"body": len(paidBody)}
	for name := range good.header {
		parts[name] = len(good.header.Get(name))
	}
	for part, length := range parts {
		for at := range length {
			spoil(t, part, at, 0x01)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		part := rapid.SampledFrom([]string{"body", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}).Draw(r, "part")
		at := rapid.IntRange(0, parts[part]-1).Draw(r, "at")
		spoil(t, part, at, byte(rapid.IntRange(1, 255).Draw(r, "mask")))
	})
}

// What is signed and still cannot be recorded is the provider's mistake, and it must hear so.
func TestSignedCallbackInput(t *testing.T) {
	f := newFixture(t)
	replace := func(old, with string) string { return strings.Replace(paidBody, old, with, 1) }
	for body, status := range map[string]int{
		"null": 200, `{}`: 200, `{"type":"payment.failed","data":{"reason":7}}`: 200,
		"": 400, "[]": 400, "{": 400, paidBody + "{}": 400,
		replace(`9800`, `98.5`): 400, replace(`9800`, `"9800"`): 400, replace(`9800`, `9223372036854775808`): 400,
		replace(`9800`, `0`): 422, replace(`9800`, `-1`): 422, replace(`"CNY"`, `""`): 422, replace(`"CNY"`, `"TOOLONGCUR"`): 422,
		replace(`pay_1`, ``): 422, replace(`pay_1`, strings.Repeat("p", 256)): 422, replace(`pay_1`, `pay 1`): 422,
		replace(orderID, ``): 422, replace(orderID, `\u0000`): 422, `{"type":"payment.succeeded"}`: 422,
		strings.Repeat(" ", callbackBytesMax+1): 413, paidBody + strings.Repeat(" ", callbackBytesMax-len(paidBody)): 200,
	} {
		w := f.send(t, callback(t, testWebhookSecret, testNow(), body))
		if w.Code != status {
			t.Errorf("%.80q was answered %d %s, want %d", body, w.Code, w.Body, status)
		}
	}
	w := f.send(t, callback(t, testWebhookSecret, testNow(), `{"type":"refund.created","data":{"state":7}}`))
	if w.Body.String() != `{"result":"ignored"}` {
		t.Errorf("answered %s", w.Body)
	}
}

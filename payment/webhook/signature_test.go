package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"boxoffice/common/idform"
	"boxoffice/order"
)

const (
	testWebhookSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	fuzzedBody        = `{"type":"payment.succeeded","data":{"payment_id":"pay_1","order_id":"o","amount":9800,"currency":"CNY"}}`
)

func testNow() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

func TestSecrets(t *testing.T) {
	for _, secret := range []string{
		"", "whsec_", "whsec_%%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_QUJD", "whsec_" + strings.Repeat("QUJD", 22),
	} {
		if _, err := NewVerifier([]string{testWebhookSecret, secret}, testNow); err == nil {
			t.Errorf("%q was taken for a secret", secret)
		} else if len(secret) > 8 && strings.Contains(err.Error(), secret[6:]) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
	if _, err := NewVerifier(nil, testNow); err == nil {
		t.Error("an office without secrets would take no payment")
	}
}

// FuzzWebhook: what the verifier takes, the specification's library takes too.
func FuzzWebhook(f *testing.F) {
	now := time.Now() // the library knows no other clock
	verifier, err := NewVerifier([]string{testWebhookSecret}, time.Now)
	if err != nil {
		f.Fatal(err)
	}
	library, err := standardwebhooks.NewWebhook(testWebhookSecret)
	if err != nil {
		f.Fatal(err)
	}
	good := http.Header{}
	verifier.Sign(good, "msg_1", []byte(fuzzedBody))
	f.Add("msg_1", good.Get("Webhook-Timestamp"), good.Get("Webhook-Signature"), []byte(fuzzedBody))
	f.Add("a.b", "1", "v1,AAAA v1,", []byte("{}"))
	f.Add("", "-1", " ", []byte{0xff})
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		header := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signature}}
		if verifier.Verify(header, body) && library.VerifyIgnoringTimestamp(body, header) != nil {
			t.Errorf("only ours takes %q %q %q %q", id, timestamp, signature, body)
		}
		seconds := strconv.FormatInt(now.Unix(), 10)
		if !idform.IsVisibleASCII(id, order.IDMax) {
			return
		}
		signed := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {seconds},
			"Webhook-Signature": {sign(verifier.secrets[0], id, seconds, body)}}
		if err := library.VerifyIgnoringTimestamp(body, signed); err != nil {
			t.Errorf("the library refuses our signature of %q: %v", id, err)
		}
	})
}

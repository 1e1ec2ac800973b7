package wechat_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"boxoffice/common/event"
	"boxoffice/payment"
	"boxoffice/payment/wechat"
)

const (
	testAppID      = "wx8888888888888888"
	testMerchantID = "1900000109"
	testSerialNo   = "3775B6A45ACD588826D15E583A95F5DD7A7B8B8B"
	testAPIv3Key   = "0123456789abcdefghijklmnopqrstuv"
	testKeyID      = "PUB_KEY_ID_0119000001092026112000000001"
	testCallback   = "https://tickets.example.org/v1/callbacks/wechat"
	testAttemptID  = "abcdefghijklmnopqrstuvwxyz234567"
	testOrderID    = "01JD3Z5V8Q0000000000000000"
	testOffice     = "rex"
)

func testNow() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// onceKeys makes the merchant's key and two of WeChat Pay's, once, because each takes a while.
var onceKeys = sync.OnceValues(func() (keys [3]*rsa.PrivateKey, err error) {
	for i := range keys {
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return keys, err
		}
	}
	return keys, nil
})

func testKeys(t testing.TB) [3]*rsa.PrivateKey {
	t.Helper()
	keys, err := onceKeys()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func privatePEM(t testing.TB, key *rsa.PrivateKey) string {
	t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func publicPEM(t testing.TB, key *rsa.PrivateKey) string {
	t.Helper()
	raw, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: raw}))
}

func certificatePEM(t *testing.T, key *rsa.PrivateKey, serial int64) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "Tenpay.com sign"}}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
}

// newFake returns a WeChat Pay that knows nothing yet. A call that the test did not expect is on its list.
func newFake(t testing.TB) *fakePay {
	t.Helper()
	keys := testKeys(t)
	f := &fakePay{
		t: t, merchant: &keys[0].PublicKey, signKey: keys[1], keyID: testKeyID, balance: 1_000_000,
		orders: map[string]*fakeOrder{}, refunds: map[string]*fakeRefund{},
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("calls: %q", f.calls)
		}
	})
	return f
}

func newOptions(t testing.TB, f *fakePay) wechat.Options {
	t.Helper()
	keys := testKeys(t)
	return wechat.Options{
		Office: testOffice, AppID: testAppID, MerchantID: testMerchantID, SerialNo: testSerialNo, PrivateKey: privatePEM(t, keys[0]),
		APIv3Keys: []string{testAPIv3Key}, PublicKeys: []wechat.PublicKey{{ID: testKeyID, PEM: publicPEM(t, keys[1])}},
		CallbackURL: func() string { return testCallback }, Now: testNow, HTTP: &http.Client{Transport: f},
	}
}

func newProvider(t testing.TB, f *fakePay) *wechat.Provider {
	t.Helper()
	p, err := wechat.New(newOptions(t, f))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newAttempt() payment.Attempt {
	return payment.Attempt{
		ID: testAttemptID, OrderID: testOrderID, Amount: event.Money{Amount: 9800, Currency: "CNY"},
		Description: "Order " + testOrderID, ReturnURL: "https://tickets.example.org/",
		ExpiresAt: testNow().Add(15 * time.Minute),
	}
}

// newStarted returns a provider with one attempt that waits for its payer.
func newStarted(t *testing.T) (*wechat.Provider, *fakePay, payment.Attempt) {
	t.Helper()
	f := newFake(t)
	p, a := newProvider(t, f), newAttempt()
	if _, err := p.Start(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	return p, f, a
}

// outages are the ways in which a call can fail without an answer that says what has been done.
func outages(f *fakePay) map[string]func(*http.Request) (*http.Response, error) {
	page := func(status int, body string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) {
			return answerOf(status, http.Header{"Content-Type": {"text/html"}}, []byte(body)), nil
		}
	}
	coded := func(status int, code string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) {
			_, answer := refusal(status, code, "later")
			return f.signed(status, answer), nil
		}
	}
	return map[string]func(*http.Request) (*http.Response, error){
		"no connection":    func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
		"page of a proxy":  page(http.StatusForbidden, "<html>"),
		"page not found":   page(http.StatusNotFound, "<html>"),
		"bad gateway":      page(http.StatusBadGateway, ""),
		"redirect":         page(http.StatusFound, ""),
		"unsigned success": page(http.StatusOK, `{"code_url":"weixin://x","status":"SUCCESS","trade_state":"CLOSED"}`),
		"system error":     coded(http.StatusInternalServerError, "SYSTEM_ERROR"),
		"unknown, 5xx":     coded(http.StatusInternalServerError, "ORDER_NOT_EXIST"),
		"closed in panic":  coded(http.StatusInternalServerError, "ORDER_CLOSED"),
		"unavailable":      coded(http.StatusServiceUnavailable, "NOT_LISTED"),
		"no rate":          coded(http.StatusTooManyRequests, "NOT_LISTED"),
		"no rate 4xx":      coded(http.StatusForbidden, "FREQUENCY_LIMITED"),
		"long refusal":     page(http.StatusBadRequest, `{"code":"PARAM_ERROR"}`+strings.Repeat(" ", 64<<10)),
		"who calls":        coded(http.StatusUnauthorized, "SIGN_ERROR"),
		"system error 4xx": coded(http.StatusBadRequest, "SYSTEM_ERROR"),
		"bank":             coded(http.StatusBadRequest, "BANK_ERROR"),
		"garbage": func(*http.Request) (*http.Response, error) {
			return f.signed(http.StatusOK, "garbage"), nil
		},
		"empty object": func(*http.Request) (*http.Response, error) {
			return f.signed(http.StatusOK, map[string]any{}), nil
		},
		"breaks off": func(*http.Request) (*http.Response, error) {
			response := f.signed(http.StatusOK, map[string]any{})
			response.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
			return response, nil
		},
		"endless": func(*http.Request) (*http.Response, error) {
			response := f.signed(http.StatusOK, map[string]any{})
			response.Body = io.NopCloser(endless{})
			return response, nil
		},
	}
}

// endless is an answer that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, strings.Repeat("x", len(p))), nil }

// wantUnclear fails the test unless an error leaves open what was done.
func wantUnclear(t *testing.T, err error) {
	t.Helper()
	if err == nil || errors.Is(err, payment.ErrRefused) || errors.Is(err, payment.ErrForged) {
		t.Errorf("got %v, want an error after which the call is repeated", err)
	}
	wantNoSecret(t, err)
}

func wantRefused(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, payment.ErrRefused) {
		t.Errorf("got %v, want a refusal", err)
	}
	wantNoSecret(t, err)
}

func wantNoSecret(t *testing.T, err error) {
	t.Helper()
	if err != nil && (strings.Contains(err.Error(), testAPIv3Key) || strings.Contains(err.Error(), "MII") ||
		strings.Contains(err.Error(), "signature=") || len(err.Error()) > 2000) {
		t.Errorf("the error tells too much: %v", err)
	}
}

// A wrong option is named, and no secret is in the error.
func TestOptionsAreChecked(t *testing.T) {
	f := newFake(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good, certificate := newOptions(t, f), certificatePEM(t, testKeys(t)[1], 0xabcd)
	key := func(id, text string) func(*wechat.Options) {
		return func(o *wechat.Options) { o.PublicKeys = []wechat.PublicKey{{ID: id, PEM: text}} }
	}
	for name, test := range map[string]struct {
		change func(*wechat.Options)
		want   string
	}{
		"good":                   {func(*wechat.Options) {}, ""},
		"no clock and no client": {func(o *wechat.Options) { o.Now, o.HTTP = nil, nil }, ""},
		"no office":              {func(o *wechat.Options) { o.Office = "" }, "Office"},
		"no application":         {func(o *wechat.Options) { o.AppID = "" }, "AppID"},
		"quoted merchant":        {func(o *wechat.Options) { o.MerchantID = `1"` }, "MerchantID"},
		"long serial number":     {func(o *wechat.Options) { o.SerialNo = strings.Repeat("A", 65) }, "SerialNo"},
		"no private key":         {func(o *wechat.Options) { o.PrivateKey = "MIIE" + testAPIv3Key }, "PrivateKey"},
		"public for private":     {func(o *wechat.Options) { o.PrivateKey = o.PublicKeys[0].PEM }, "PrivateKey"},
		"small private key":      {func(o *wechat.Options) { o.PrivateKey = privatePEM(t, small) }, "PrivateKey"},
		"short APIv3 key":        {func(o *wechat.Options) { o.APIv3Keys = []string{testAPIv3Key, testAPIv3Key[1:]} }, "APIv3Keys: key 2"},
		"no APIv3 key":           {func(o *wechat.Options) { o.APIv3Keys = nil }, "APIv3Keys"},
		"no public key":          {func(o *wechat.Options) { o.PublicKeys = nil }, "PublicKeys"},
		"public key without id":  {key("", good.PublicKeys[0].PEM), "key 1"},
		"public key twice":       {func(o *wechat.Options) { o.PublicKeys = append(o.PublicKeys, o.PublicKeys[0]) }, "key 2"},
		"private for public":     {key("A", good.PrivateKey), "key 1"},
		"small public key":       {key("A", publicPEM(t, small)), "key 1"},
		"certificate":            {key("ABCD", certificate), ""},
		"other certificate":      {key("ABCE", certificate), "serial"},
		"broken certificate":     {key("ABCD", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "key 1"},
		"no callback":            {func(o *wechat.Options) { o.CallbackURL = nil }, "CallbackURL"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := good
			opts.PublicKeys = append([]wechat.PublicKey{}, good.PublicKeys...)
			test.change(&opts)
			p, err := wechat.New(opts)
			switch {
			case test.want == "" && (err != nil || p.Name() != "wechat"):
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			wantNoSecret(t, err)
		})
	}
	if len(f.calls) > 0 {
		t.Errorf("making a provider called %q", f.calls)
	}
}

package alipay_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"boxoffice/payment"
	"boxoffice/payment/alipay"
)

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// Keys come in four forms from Alipay's tools, and from files, with line ends. Each signs what the gateway takes.
func TestPrivateKeyForms(t *testing.T) {
	pkcs1 := x509.MarshalPKCS1PrivateKey(appKey())
	pkcs8, err := x509.MarshalPKCS8PrivateKey(appKey())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"PKCS #1 PEM": pemOf("RSA PRIVATE KEY", pkcs1), "PKCS #1": base64.StdEncoding.EncodeToString(pkcs1),
		"PKCS #8 PEM": "\n" + pemOf("PRIVATE KEY", pkcs8) + "\n", "PKCS #8": " " + base64.StdEncoding.EncodeToString(pkcs8) + "\n",
	} {
		f := newFake(t)
		p := newProvider(t, f, func(o *alipay.Options) { o.PrivateKey = text })
		started, err := p.Start(t.Context(), newAttempt())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f.open(started.Action.URL)
	}
}

// A wrong option is found when the office starts, named, and no secret is in the log.
func TestWrongOptions(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	own := appKeyText()
	for name, wrong := range map[string]struct {
		change func(*alipay.Options)
		want   string
	}{
		"no office":         {func(o *alipay.Options) { o.Office = "" }, "office"},
		"no app id":         {func(o *alipay.Options) { o.AppID = "" }, "app id"},
		"app id":            {func(o *alipay.Options) { o.AppID = "2021 0001" }, "app id"},
		"seller id":         {func(o *alipay.Options) { o.SellerID = strings.Repeat("2", 33) }, "seller id"},
		"no private key":    {func(o *alipay.Options) { o.PrivateKey = "" }, "private key"},
		"half a key":        {func(o *alipay.Options) { o.PrivateKey = own[:800] }, "private key"},
		"key of a curve":    {func(o *alipay.Options) { o.PrivateKey = base64.StdEncoding.EncodeToString(ecDER) }, "private key"},
		"not PEM":           {func(o *alipay.Options) { o.PrivateKey = "-----BEGIN" + own }, "private key"},
		"no public keys":    {func(o *alipay.Options) { o.PublicKeys = nil }, "public key"},
		"second public key": {func(o *alipay.Options) { o.PublicKeys = append(o.PublicKeys, own) }, "public key 2"},
		"empty public key":  {func(o *alipay.Options) { o.PublicKeys = []string{""} }, "public key 1"},
		"no callback URL":   {func(o *alipay.Options) { o.CallbackURL = nil }, "callback URL"},
		"relative gateway":  {func(o *alipay.Options) { o.Gateway = "/gateway.do" }, "gateway"},
		"gateway's query":   {func(o *alipay.Options) { o.Gateway = "https://a.example/gateway.do?x=1" }, "gateway"},
		"ftp":               {func(o *alipay.Options) { o.Gateway = "ftp://a.example/gateway.do" }, "gateway"},
		"two ways":          {func(o *alipay.Options) { o.QR, o.Wap = true, true }, "either"},
	} {
		opts := alipay.Options{
			Office: office, AppID: appID, PrivateKey: own, PublicKeys: []string{publicText(theirs())}, CallbackURL: func() string { return callback },
		}
		wrong.change(&opts)
		_, err := alipay.New(opts)
		if err == nil || !strings.Contains(err.Error(), wrong.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), own[40:60]) || strings.Contains(err.Error(), "MII") {
			t.Errorf("%s: the error tells the secret: %v", name, err)
		}
	}
}

// A client that is given is used as it is, and not changed: others may use it too.
func TestTheGivenClient(t *testing.T) {
	f := newFake(t)
	given := &http.Client{}
	p := newProvider(t, f, func(o *alipay.Options) { o.HTTP = given })
	if got, err := p.Query(t.Context(), newAttempt()); err != nil || got.State != payment.Open || given.Transport != nil {
		t.Errorf("%+v, %v, transport %v", got, err, given.Transport)
	}
	given.Transport = roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("cut") })
	p = newProvider(t, f, func(o *alipay.Options) { o.HTTP = given })
	if _, err := p.Query(t.Context(), newAttempt()); err == nil || !strings.Contains(err.Error(), "cut") {
		t.Errorf("another client was used: %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// Alipay repeats a notification until it reads exactly this.
func TestAcknowledgement(t *testing.T) {
	p := newProvider(t, newFake(t))
	if kind, body := p.Acknowledgement(); kind != "text/plain" || body != "success" || p.Name() != "alipay" {
		t.Errorf("%q %q %q", p.Name(), kind, body)
	}
}

// A provider that is printed by mistake does not print its key.
func TestTheProviderForgetsThePrivateKey(t *testing.T) {
	own := appKeyText()
	if text := fmt.Sprintf("%+v", newProvider(t, newFake(t))); strings.Contains(text, own) {
		t.Error("the private key is still there")
	}
}

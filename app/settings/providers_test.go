package settings

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/payment"
)

// keyTexts are the texts of two pairs of keys.
func keyTexts(t *testing.T) (private, public [2]string) {
	t.Helper()
	for i := range private {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		private[i] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: ours}))
		public[i] = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: theirs}))
	}
	return private, public
}

// inFiles moves the secrets of an environment into files.
func inFiles(t *testing.T, env map[string]string) map[string]string {
	t.Helper()
	moved := map[string]string{}
	for name, text := range env {
		if strings.HasPrefix(name, "BOXOFFICE_") && !strings.HasSuffix(name, "_ID") && name != "BOXOFFICE_WECHAT_SERIAL_NO" {
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			name, text = name+"_FILE", file
		}
		moved[name] = text
	}
	return moved
}

// Only what is wrong with the settings of WeChat Pay and Alipay was tested: with the right ones, from the environment or from
// files, of one key or of two, both have to be made.
func TestAllProvidersAreMade(t *testing.T) {
	private, public := keyTexts(t)
	const apiKeys = "0123456789abcdef0123456789abcdef fedcba9876543210fedcba9876543210"
	one := map[string]string{
		EnvJWTSecret: "0123456789abcdef0123456789abcdef",
		EnvStripeKey: "sk_test_0123456789012345678901234567", EnvStripeWebhookSecret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		EnvWechatPrivateKey: private[0], EnvWechatAPIKey: apiKeys[:32], EnvWechatPublicKey: public[0],
		EnvAlipayPrivateKey: private[1], EnvAlipayPublicKey: public[0],
		"BOXOFFICE_WECHAT_MERCHANT_ID": "1900000109", "BOXOFFICE_WECHAT_APP_ID": "wxd678efh567hg6787",
		"BOXOFFICE_WECHAT_SERIAL_NO": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", "BOXOFFICE_WECHAT_PUBLIC_KEY_ID": "PUB_KEY_ID_1",
		"BOXOFFICE_ALIPAY_APP_ID": "2021000122600001",
	}
	two := map[string]string{}
	for name, text := range one {
		two[name] = text
	}
	two[EnvStripeWebhookSecret] += " whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	two[EnvWechatAPIKey], two[EnvWechatPublicKey], two["BOXOFFICE_WECHAT_PUBLIC_KEY_ID"] = apiKeys, public[0]+public[1], "PUB_KEY_ID_1,PUB_KEY_ID_2"
	two[EnvAlipayPublicKey] = public[0] + public[1]
	for name, env := range map[string]map[string]string{
		"one key": one, "two keys": two, "one key in files": inFiles(t, one), "two keys in files": inFiles(t, two),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := parseArgs(t, env, "-public-url", "https://shop.example", "-order-dsn", "sqlite:/x/order.db")
			if err != nil {
				t.Fatal(err)
			}
			keys := 1 + strings.Count(env["BOXOFFICE_WECHAT_PUBLIC_KEY_ID"], ",")
			if p := c.Providers; len(p.StripeWebhookSecrets) != keys || len(p.WechatAPIKeys) != keys || len(p.WechatPublicKeys) != keys ||
				len(p.AlipayPublicKeys) != keys {
				t.Errorf("there are %d, %d, %d and %d keys, want %d of each", len(p.StripeWebhookSecrets), len(p.WechatAPIKeys),
					len(p.WechatPublicKeys), len(p.AlipayPublicKeys), keys)
			}
			providers, err := c.Providers.Make("office", func(name string) string { return "https://shop.example/" + name }, time.Now, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, p := range providers {
				names = append(names, p.Name())
			}
			if got := strings.Join(names, " "); got != "stripe wechat alipay" {
				t.Errorf("made %s", got)
			}
		})
	}
}

// Where Alipay is to call back is in each request to it, and a wrong address loses every notification. Its payers go to a page,
// or scan a code, as the settings say. (Where WeChat Pay calls back is seen in app.TestRealProviders.)
func TestAlipayIsMadeAsItsSettingsSay(t *testing.T) {
	private, public := keyTexts(t)
	asked := make(chan url.Values, 2)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		asked <- r.PostForm
		http.Error(w, "away", http.StatusServiceUnavailable)
	}))
	t.Cleanup(gateway.Close)
	attempt := payment.Attempt{
		ID: "abcdefghijklmnopqrstuvwxyz234567", OrderID: "o", Amount: event.Money{Amount: 4900, Currency: "CNY"}, Description: "Order o",
		ReturnURL: "https://shop.example/orders", ExpiresAt: time.Now().Add(time.Hour),
	}
	for qr, method := range map[string]string{"false": "alipay.trade.page.pay", "true": "alipay.trade.precreate"} {
		c, err := parseArgs(t, map[string]string{
			EnvJWTSecret: "0123456789abcdef0123456789abcdef", EnvAlipayPrivateKey: private[0], EnvAlipayPublicKey: public[1],
			"BOXOFFICE_ALIPAY_APP_ID": "2021000122600001", "BOXOFFICE_ALIPAY_QR": qr, "BOXOFFICE_ALIPAY_GATEWAY": gateway.URL + "/gateway.do",
			"BOXOFFICE_PUBLIC_URL": "https://shop.example",
		})
		if err != nil {
			t.Fatal(err)
		}
		providers, err := c.Providers.Make("office", func(name string) string { return "https://shop.example/" + name }, time.Now, time.Now)
		if err != nil || len(providers) != 1 {
			t.Fatalf("made %v, %v", providers, err)
		}
		started, err := providers[0].Start(t.Context(), attempt)
		var request url.Values
		if qr == "true" {
			if err == nil {
				t.Fatal("started at a gateway that is away")
			}
			request = <-asked
		} else {
			page, parseErr := url.Parse(started.Action.URL)
			if err != nil || parseErr != nil || !strings.HasPrefix(started.Action.URL, gateway.URL+"/gateway.do?") {
				t.Fatalf("started %+v, %v, %v", started, err, parseErr)
			}
			request = page.Query()
		}
		if got := request.Get("method"); got != method {
			t.Errorf("with codes %s it is asked %s, want %s", qr, got, method)
		}
		if got := request.Get("notify_url"); got != "https://shop.example/alipay" {
			t.Errorf("Alipay is to call back at %q", got)
		}
	}
	if len(asked) != 0 {
		t.Error("a page needs no call")
	}
}

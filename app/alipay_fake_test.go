//go:build !race

package app

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/app/settings"
)

const (
	alipayApp     = "2021000122600001"
	alipaySeller  = "2088102146225135"
	alipayCode    = "https://qr.alipay.com/bax03431ljhokirwl38f00a7"
	alipayGateway = "https://openapi.alipay.com/gateway.do"
)

// alipayFake is Alipay, as far as a trade is made by its page or by a code, paid and told of.
type alipayFake struct {
	t    *testing.T
	keys providerKeys
	qr   bool

	mu   sync.Mutex
	made url.Values // of the last code
}

var _ realProvider = (*alipayFake)(nil)

func newAlipay(t *testing.T, keys providerKeys, qr bool) *alipayFake {
	return &alipayFake{t: t, keys: keys, qr: qr}
}

func (f *alipayFake) secrets() map[string]string {
	return map[string]string{
		settings.EnvAlipayPrivateKey: privatePEM(f.t, f.keys.alipayOurs),
		settings.EnvAlipayPublicKey:  publicPEM(f.t, f.keys.theirs[0]) + publicPEM(f.t, f.keys.theirs[1]),
	}
}

func (f *alipayFake) plain() map[string]string {
	return map[string]string{
		"BOXOFFICE_ALIPAY_APP_ID": alipayApp, "BOXOFFICE_ALIPAY_SELLER_ID": alipaySeller, "BOXOFFICE_ALIPAY_QR": fmt.Sprint(f.qr),
	}
}

// ServeHTTP makes a code. What the office asks for once it is paid gets no answer.
func (f *alipayFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		f.t.Error(err)
	}
	if r.PostForm.Get("method") != "alipay.trade.precreate" {
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	f.mu.Lock()
	f.made = r.PostForm
	f.mu.Unlock()
	var trade struct {
		OutTradeNo string `json:"out_trade_no"`
	}
	if err := json.Unmarshal([]byte(r.PostForm.Get("biz_content")), &trade); err != nil {
		f.t.Error(err)
	}
	answer := fmt.Sprintf(`{"code":"10000","msg":"Success","out_trade_no":%q,"qr_code":%q}`, trade.OutTradeNo, alipayCode)
	_, _ = fmt.Fprintf(w, `{"alipay_trade_precreate_response":%s,"sign":%q}`, answer, f.sign(answer))
}

// sign signs with Alipay's key.
func (f *alipayFake) sign(text string) string {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, f.keys.theirs[f.keys.signs], crypto.SHA256, sum[:])
	if err != nil {
		f.t.Error(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// sortedText is what a signature of parameters is over.
func sortedText(values url.Values) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name != "sign" {
			pairs = append(pairs, name+"="+values.Get(name))
		}
	}
	return strings.Join(pairs, "&")
}

func (f *alipayFake) wantStarted(order string, started startedPayment) {
	f.t.Helper()
	f.mu.Lock()
	made := f.made
	f.mu.Unlock()
	kind, method := "qr", "alipay.trade.precreate"
	if !f.qr {
		kind, method = "redirect", "alipay.trade.page.pay"
		page, err := url.Parse(started.Action.URL)
		if err != nil || !strings.HasPrefix(started.Action.URL, alipayGateway+"?") {
			f.t.Fatalf("the page of Alipay is %q, %v", started.Action.URL, err)
		}
		made = page.Query()
	}
	if started.Action.Kind != kind || f.qr && started.Action.QR != alipayCode {
		f.t.Errorf("the payer of Alipay is to %+v, want a %s", started.Action, kind)
	}
	signature, err := base64.StdEncoding.DecodeString(made.Get("sign"))
	sum := sha256.Sum256([]byte(sortedText(made)))
	if err != nil || rsa.VerifyPKCS1v15(&f.keys.alipayOurs.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		f.t.Errorf("Alipay is asked with a wrong signature, by %v", made)
	}
	for name, want := range map[string]string{
		"app_id": alipayApp, "method": method, "notify_url": realShop + "/v1/payments/callback/alipay",
	} {
		if got := made.Get(name); got != want {
			f.t.Errorf("Alipay is told %s %q, want %q", name, got, want)
		}
	}
	var trade map[string]any
	if err := json.Unmarshal([]byte(made.Get("biz_content")), &trade); err != nil {
		f.t.Error(err)
	}
	for name, want := range map[string]string{"out_trade_no": started.ID, "body": order, "total_amount": "49.00"} {
		if got := trade[name]; got != want {
			f.t.Errorf("Alipay is told %s %v, want %q", name, got, want)
		}
	}
}

func (f *alipayFake) paid(order string, started startedPayment, ours bool) (header []string, body string) {
	now := time.Now().In(time.FixedZone("", 8*60*60)).Format("2006-01-02 15:04:05")
	seller := alipaySeller
	if !ours {
		seller = "2088102146225136"
	}
	values := url.Values{
		"app_id": {alipayApp}, "auth_app_id": {alipayApp}, "seller_id": {seller}, "buyer_id": {"2088202954065786"}, "charset": {"utf-8"},
		"notify_id": {"2026112100222023045001234567890123"}, "notify_time": {now}, "notify_type": {"trade_status_sync"}, "version": {"1.0"},
		"out_trade_no": {started.ID}, "body": {order}, "passback_params": {order}, "subject": {"Order " + order},
		"trade_no": {"2026112122001400000000000001"}, "trade_status": {"TRADE_SUCCESS"}, "gmt_create": {now}, "gmt_payment": {now},
		"total_amount": {"49.00"}, "receipt_amount": {"49.00"}, "buyer_pay_amount": {"49.00"}, "invoice_amount": {"49.00"},
	}
	values.Set("sign", f.sign(sortedText(values)))
	values.Set("sign_type", "RSA2") // which a notification's signature is not over
	return []string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}, values.Encode()
}

// taken is this one word.
func (f *alipayFake) taken() (contentType, body string) { return "text/plain", "success" }

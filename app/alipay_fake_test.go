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
	alipayTradeNo = "2026112122001400000000000001"
	alipayCode    = "https://qr.alipay.com/bax03431ljhokirwl38f00a7"
	alipayGateway = "https://openapi.alipay.com/gateway.do"
)

// alipayFake is Alipay, as far as a trade is made by its page or by a code, paid, told of, and refunded.
type alipayFake struct {
	t    *testing.T
	keys providerKeys
	qr   bool

	mu     sync.Mutex
	made   url.Values // of the last code
	key    string     // of the last refund
	isBack bool       // its money
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

// alipayTrade is what a call is about.
type alipayTrade struct {
	OutTradeNo   string `json:"out_trade_no"`
	TradeNo      string `json:"trade_no"`
	OutRequestNo string `json:"out_request_no"`
	RefundAmount string `json:"refund_amount"`
}

// ServeHTTP makes a code, and a refund. What else the office asks for once it is paid gets no answer.
func (f *alipayFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		f.t.Error(err)
	}
	var trade alipayTrade
	if err := json.Unmarshal([]byte(r.PostForm.Get("biz_content")), &trade); err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	method := r.PostForm.Get("method")
	var answer string
	switch method {
	case "alipay.trade.precreate":
		f.made = r.PostForm
		answer = fmt.Sprintf(`"out_trade_no":%q,"qr_code":%q`, trade.OutTradeNo, alipayCode)
	case "alipay.trade.refund":
		answer = f.takeRefund(trade)
	case "alipay.trade.fastpay.refund.query":
		answer = f.refundState(trade)
	default:
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	answer = `{"code":"10000","msg":"Success",` + answer + `}`
	_, _ = fmt.Fprintf(w, `{"%s_response":%s,"sign":%q}`, strings.ReplaceAll(method, ".", "_"), answer, f.sign(answer))
}

// takeRefund answers a refund, whose money is then on its way.
func (f *alipayFake) takeRefund(trade alipayTrade) string {
	if trade.TradeNo != alipayTradeNo || trade.RefundAmount != "49.00" || trade.OutRequestNo == "" || f.key != "" && f.key != trade.OutRequestNo {
		f.t.Errorf("Alipay is to refund %+v, after the key %q", trade, f.key)
	}
	f.key = trade.OutRequestNo
	return fmt.Sprintf(`"trade_no":%q,"out_trade_no":"1","fund_change":"N"`, trade.TradeNo)
}

// refundState answers how the refund stands: Alipay says nothing of one before its money is back.
func (f *alipayFake) refundState(trade alipayTrade) string {
	if trade.TradeNo != alipayTradeNo || trade.OutRequestNo != f.key {
		f.t.Errorf("Alipay is asked for the refund %+v, and has %q", trade, f.key)
	}
	state := ""
	if f.isBack {
		state = "REFUND_SUCCESS"
	}
	return fmt.Sprintf(`"trade_no":%q,"out_request_no":%q,"refund_status":%q`, trade.TradeNo, trade.OutRequestNo, state)
}

// refunded puts the money back. Of a refund that is asked for at once Alipay sends no callback.
func (f *alipayFake) refunded() (header []string, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.isBack = true
	return nil, ""
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
		"trade_no": {alipayTradeNo}, "trade_status": {"TRADE_SUCCESS"}, "gmt_create": {now}, "gmt_payment": {now},
		"total_amount": {"49.00"}, "receipt_amount": {"49.00"}, "buyer_pay_amount": {"49.00"}, "invoice_amount": {"49.00"},
	}
	values.Set("sign", f.sign(sortedText(values)))
	values.Set("sign_type", "RSA2") // which a notification's signature is not over
	return []string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}, values.Encode()
}

// taken is this one word.
func (f *alipayFake) taken() (contentType, body string) { return "text/plain", "success" }

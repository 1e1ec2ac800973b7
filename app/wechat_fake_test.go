//go:build !race

package app

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/app/settings"
	"boxoffice/payment"
)

const (
	wechatMerchant    = "1900000109"
	wechatApp         = "wxd678efh567hg6787"
	wechatSerial      = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	wechatTransaction = "4200002310202611200000000001"
	wechatCode        = "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"
)

// wechatFake is WeChat Pay, as far as an order is made, paid, refunded and told of.
type wechatFake struct {
	t       *testing.T
	keys    providerKeys
	keyIDs  [2]string
	apiKeys [2]string

	mu   sync.Mutex
	made map[string]any // of the last order
	back map[string]any // of the last refund
}

var _ realProvider = (*wechatFake)(nil)

func newWechat(t *testing.T, keys providerKeys) *wechatFake {
	return &wechatFake{
		t: t, keys: keys, keyIDs: [2]string{"PUB_KEY_ID_0119000001", "PUB_KEY_ID_0119000002"},
		apiKeys: [2]string{rand.Text()[:16] + "0123456789abcdef", rand.Text()[:16] + "fedcba9876543210"},
	}
}

func (f *wechatFake) secrets() map[string]string {
	return map[string]string{
		settings.EnvWechatPrivateKey: privatePEM(f.t, f.keys.wechatOurs), settings.EnvWechatAPIKey: strings.Join(f.apiKeys[:], " "),
		settings.EnvWechatPublicKey: publicPEM(f.t, f.keys.theirs[0]) + publicPEM(f.t, f.keys.theirs[1]),
	}
}

func (f *wechatFake) plain() map[string]string {
	return map[string]string{
		"BOXOFFICE_WECHAT_MERCHANT_ID": wechatMerchant, "BOXOFFICE_WECHAT_APP_ID": wechatApp, "BOXOFFICE_WECHAT_SERIAL_NO": wechatSerial,
		"BOXOFFICE_WECHAT_PUBLIC_KEY_ID": strings.Join(f.keyIDs[:], ","),
	}
}

// ServeHTTP makes an order, and a refund. What else the office asks for once it is paid gets no answer.
func (f *wechatFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	if wrong := f.checkAuthorization(r, body); wrong != "" {
		f.t.Errorf("WeChat Pay is called with a wrong %s: %s", wrong, r.Header)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	says := map[string]any{}
	var into *map[string]any
	switch r.Method + " " + r.URL.Path {
	case "POST /v3/pay/transactions/native":
		into, says["code_url"] = &f.made, wechatCode
	case "POST /v3/refund/domestic/refunds":
		into = &f.back
	default:
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	if err := json.Unmarshal(body, into); err != nil {
		f.t.Error(err)
	}
	if into == &f.back {
		says = f.takeRefund()
	}
	answer := encodeJSON(f.t, says)
	header := f.sign(0, answer) // with the key that is asked for
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	_, _ = w.Write(answer)
}

// takeRefund answers a refund, whose money is then on its way.
func (f *wechatFake) takeRefund() map[string]any {
	for name, want := range map[string]any{
		"transaction_id": wechatTransaction, "notify_url": realShop + "/v1/payments/callback/wechat",
		"amount": "map[currency:CNY refund:4900 total:4900]",
	} {
		if got := fmt.Sprint(f.back[name]); got != want {
			f.t.Errorf("WeChat Pay is to refund with %s %v, want %v", name, got, want)
		}
	}
	return map[string]any{
		"refund_id": "50300001", "out_refund_no": f.back["out_refund_no"], "transaction_id": wechatTransaction, "status": "PROCESSING",
		"channel": "ORIGINAL", "user_received_account": "card 0403", "create_time": "2026-11-20T20:00:00+08:00", "amount": f.back["amount"],
	}
}

// checkAuthorization says what is wrong with the signature of a call, or "".
func (f *wechatFake) checkAuthorization(r *http.Request, body []byte) string {
	form := regexp.MustCompile(`^WECHATPAY2-SHA256-RSA2048 mchid="(\d+)",nonce_str="(\w+)",timestamp="(\d+)",serial_no="(\w+)",signature="(.+)"$`)
	parts := form.FindStringSubmatch(r.Header.Get("Authorization"))
	if parts == nil || parts[1] != wechatMerchant || parts[4] != wechatSerial {
		return "merchant"
	}
	if r.Header.Get("Wechatpay-Serial") != f.keyIDs[0] {
		return "key id"
	}
	signature, err := base64.StdEncoding.DecodeString(parts[5])
	sum := sha256.Sum256([]byte(r.Method + "\n" + r.URL.RequestURI() + "\n" + parts[3] + "\n" + parts[2] + "\n" + string(body) + "\n"))
	if err != nil || rsa.VerifyPKCS1v15(&f.keys.wechatOurs.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return "signature"
	}
	return ""
}

// sign returns the headers that sign a body with one of the keys.
func (f *wechatFake) sign(key int, body []byte) []string {
	timestamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), rand.Text()
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n", timestamp, nonce, body))
	signature, err := rsa.SignPKCS1v15(rand.Reader, f.keys.theirs[key], crypto.SHA256, sum[:])
	if err != nil {
		f.t.Error(err)
	}
	return []string{
		"Content-Type", "application/json", "Wechatpay-Serial", f.keyIDs[key], "Wechatpay-Timestamp", timestamp, "Wechatpay-Nonce", nonce,
		"Wechatpay-Signature", base64.StdEncoding.EncodeToString(signature), "Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048",
	}
}

func (f *wechatFake) wantStarted(order string, started startedPayment) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, want := range map[string]any{
		"mchid": wechatMerchant, "appid": wechatApp, "out_trade_no": started.ID,
		"notify_url": realShop + "/v1/payments/callback/wechat",
	} {
		if got := f.made[name]; got != want {
			f.t.Errorf("WeChat Pay is told %s %v, want %v", name, got, want)
		}
	}
	if attach, mark, _ := strings.Cut(fmt.Sprint(f.made["attach"]), " "); attach != order || len(mark) != payment.MarkMax-1 {
		f.t.Errorf("WeChat Pay is told attach %v, want order %s and the office's mark", f.made["attach"], order)
	}
	if amount := fmt.Sprint(f.made["amount"]); amount != "map[currency:CNY total:4900]" {
		f.t.Errorf("WeChat Pay is to take %s", amount)
	}
	if started.Action.Kind != "qr" || started.Action.QR != wechatCode {
		f.t.Errorf("the payer of WeChat Pay is to %+v", started.Action)
	}
}

func (f *wechatFake) paid(_ string, started startedPayment, ours bool) (header []string, body string) {
	merchant := wechatMerchant
	if !ours {
		merchant = "1900000110"
	}
	f.mu.Lock()
	attach := f.made["attach"] // is handed back as it came
	f.mu.Unlock()
	return f.notify("EV-1", "TRANSACTION.SUCCESS", "transaction", map[string]any{
		"mchid": merchant, "appid": wechatApp, "out_trade_no": started.ID, "attach": attach,
		"transaction_id": wechatTransaction, "trade_type": "NATIVE", "trade_state": "SUCCESS", "trade_state_desc": "paid",
		"bank_type": "OTHERS", "success_time": "2026-11-20T19:59:58+08:00", "payer": map[string]any{"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
		"amount": map[string]any{"total": 4900, "payer_total": 4900, "currency": "CNY", "payer_currency": "CNY"},
	})
}

func (f *wechatFake) refunded() (header []string, body string) {
	f.mu.Lock()
	key := f.back["out_refund_no"]
	f.mu.Unlock()
	return f.notify("EV-2", "REFUND.SUCCESS", "refund", map[string]any{
		"mchid": wechatMerchant, "transaction_id": wechatTransaction, "refund_id": "50300001", "out_refund_no": key, "refund_status": "SUCCESS",
		"success_time": "2026-11-20T20:09:58+08:00", "user_received_account": "card 0403",
		"amount": map[string]any{"total": 4900, "refund": 4900, "payer_total": 4900, "payer_refund": 4900},
	})
}

// notify is a signed callback, in which what it says is encrypted.
func (f *wechatFake) notify(id, kind, about string, says map[string]any) (header []string, body string) {
	block, err := aes.NewCipher([]byte(f.apiKeys[f.keys.signs]))
	if err != nil {
		f.t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		f.t.Fatal(err)
	}
	const nonce = "fdasflkja484"
	raw := encodeJSON(f.t, map[string]any{
		"id": id, "create_time": "2026-11-20T20:00:00+08:00", "event_type": kind,
		"resource_type": "encrypt-resource", "summary": "as it says", "resource": map[string]any{
			"original_type": about, "algorithm": "AEAD_AES_256_GCM", "associated_data": about, "nonce": nonce,
			"ciphertext": base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), encodeJSON(f.t, says), []byte(about))),
		},
	})
	return f.sign(f.keys.signs, raw), string(raw)
}

// taken is any answer with status 200.
func (f *wechatFake) taken() (contentType, body string) {
	return "application/json", `{"result":"RESULT"}`
}

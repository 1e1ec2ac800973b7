package wechat_test

import (
	"bytes"
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
)

// fakePay is WeChat Pay as its documentation describes it, behind an http.Client: it checks the merchant's signature, and
// signs its answers and notifications. It shares no code with the package or the library.
type fakePay struct {
	t        testing.TB
	merchant *rsa.PublicKey
	signKey  *rsa.PrivateKey // of keyID
	keyID    string

	mu      sync.Mutex
	orders  map[string]*fakeOrder
	refunds map[string]*fakeRefund
	calls   []string
	balance int64 // for refunds

	// fault, if there is one, answers instead, before anything is done.
	fault func(*http.Request) (*http.Response, error)
	// afterwards changes the answer to a call that was done.
	afterwards func(*http.Request, *http.Response) (*http.Response, error)
}

// fakeOrder is an order: what it was made of, and how it stands.
type fakeOrder struct {
	made          map[string]any
	state         string
	transactionID string
	refunded      int64
}

func (o *fakeOrder) total() int64 {
	return int64(o.made["amount"].(map[string]any)["total"].(float64))
}

type fakeRefund struct {
	made   map[string]any
	id     string
	status string
}

// RoundTrip answers a call.
func (f *fakePay) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.RequestURI())
	if f.fault != nil {
		return f.fault(r)
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	var status int
	var answer any
	if wrong := f.checkAuthorization(r, body); wrong != "" {
		status, answer = refusal(http.StatusUnauthorized, "SIGN_ERROR", wrong)
	} else {
		status, answer = f.route(r, body)
	}
	response := f.signed(status, answer)
	if f.afterwards != nil {
		return f.afterwards(r, response)
	}
	return response, nil
}

// checkAuthorization says what is wrong with the signature of a request, or "".
func (f *fakePay) checkAuthorization(r *http.Request, body []byte) string {
	form := regexp.MustCompile(`^WECHATPAY2-SHA256-RSA2048 mchid="([0-9]+)",nonce_str="(\w+)",timestamp="(\d+)",serial_no="(\w+)",signature="(.+)"$`)
	parts := form.FindStringSubmatch(r.Header.Get("Authorization"))
	if parts == nil || parts[1] != testMerchantID || parts[4] != testSerialNo {
		return "authorization"
	}
	signature, err := base64.StdEncoding.DecodeString(parts[5])
	if err != nil {
		return "base64"
	}
	message := r.Method + "\n" + r.URL.RequestURI() + "\n" + parts[3] + "\n" + parts[2] + "\n" + string(body) + "\n"
	sum := sha256.Sum256([]byte(message))
	if rsa.VerifyPKCS1v15(f.merchant, crypto.SHA256, sum[:], signature) != nil {
		return "signature"
	}
	if got := r.Header.Get("Wechatpay-Serial"); got != f.keyID {
		return "Wechatpay-Serial"
	}
	return ""
}

func refusal(status int, code, message string) (int, any) {
	return status, map[string]any{"code": code, "message": message}
}

func (f *fakePay) route(r *http.Request, body []byte) (int, any) {
	var in map[string]any
	if len(body) > 0 && json.Unmarshal(body, &in) != nil {
		return refusal(http.StatusBadRequest, "PARAM_ERROR", "no JSON")
	}
	if r.URL.Host != "api.mch.weixin.qq.com" || r.URL.Scheme != "https" {
		f.t.Errorf("call of %s", r.URL)
	}
	const orders, refunds = "/v3/pay/transactions/out-trade-no/", "/v3/refund/domestic/refunds"
	switch p := r.URL.Path; {
	case r.Method == http.MethodPost && p == "/v3/pay/transactions/native":
		return f.prepay(in)
	case r.Method == http.MethodPost && strings.HasPrefix(p, orders) && strings.HasSuffix(p, "/close"):
		if in["mchid"] != testMerchantID {
			return refusal(http.StatusBadRequest, "PARAM_ERROR", "mchid")
		}
		return f.closeOrder(strings.TrimSuffix(strings.TrimPrefix(p, orders), "/close"))
	case r.Method == http.MethodGet && strings.HasPrefix(p, orders):
		if r.URL.Query().Get("mchid") != testMerchantID {
			return refusal(http.StatusBadRequest, "PARAM_ERROR", "mchid")
		}
		o := f.orders[strings.TrimPrefix(p, orders)]
		if o == nil {
			return refusal(http.StatusNotFound, "ORDER_NOT_EXIST", "order does not exist")
		}
		return http.StatusOK, f.transaction(o)
	case r.Method == http.MethodPost && p == refunds:
		return f.createRefund(in)
	case r.Method == http.MethodGet && strings.HasPrefix(p, refunds+"/"):
		refund := f.refunds[strings.TrimPrefix(p, refunds+"/")]
		if refund == nil {
			return refusal(http.StatusNotFound, "RESOURCE_NOT_EXISTS", "no such refund")
		}
		return http.StatusOK, refund.answer()
	}
	return refusal(http.StatusNotFound, "NOT_FOUND", "no such path")
}

func (f *fakePay) prepay(in map[string]any) (int, any) {
	number, _ := in["out_trade_no"].(string)
	notify, _ := in["notify_url"].(string)
	attach, _ := in["attach"].(string)
	expire, _ := in["time_expire"].(string)
	description, _ := in["description"].(string)
	amount, _ := in["amount"].(map[string]any)
	total, _ := amount["total"].(float64)
	_, err := time.Parse("2006-01-02T15:04:05+08:00", expire)
	switch {
	case in["mchid"] != testMerchantID || in["appid"] != testAppID:
		return refusal(http.StatusBadRequest, "APPID_MCHID_NOT_MATCH", "appid")
	case !regexp.MustCompile(`^[0-9A-Za-z_\-|*]{6,32}$`).MatchString(number), err != nil, len(attach) > 128,
		description == "" || len([]rune(description)) > 127,
		!strings.HasPrefix(notify, "https://") || strings.Contains(notify, "?"), total < 1, amount["currency"] != "CNY":
		return refusal(http.StatusBadRequest, "PARAM_ERROR", "parameters")
	}
	o := f.orders[number]
	if o == nil {
		o = &fakeOrder{made: in, state: "NOTPAY"}
		f.orders[number] = o
	}
	before, _ := json.Marshal(o.made)
	now, _ := json.Marshal(in)
	switch {
	case o.state == "SUCCESS" || o.state == "REFUND":
		return refusal(http.StatusBadRequest, "ORDERPAID", "paid already")
	case o.state == "CLOSED":
		return refusal(http.StatusBadRequest, "ORDER_CLOSED", "closed already")
	case !bytes.Equal(before, now):
		return refusal(http.StatusBadRequest, "INVALID_REQUEST", "other parameters than the first time")
	}
	return http.StatusOK, map[string]any{"code_url": "weixin://wxpay/bizpayurl?pr=" + number[:9]}
}

func (f *fakePay) closeOrder(number string) (int, any) {
	o := f.orders[number]
	switch {
	case o == nil:
		return refusal(http.StatusNotFound, "ORDER_NOT_EXIST", "order does not exist")
	case o.state == "SUCCESS" || o.state == "REFUND":
		return refusal(http.StatusBadRequest, "ORDERPAID", "paid already")
	case o.state == "CLOSED":
		return refusal(http.StatusBadRequest, "ORDER_CLOSED", "closed already")
	case o.state == "USERPAYING":
		return refusal(http.StatusAccepted, "USER_PAYING", "the payer is paying")
	case o.state == "NOTPAY":
		o.state = "CLOSED"
	}
	return http.StatusNoContent, nil
}

// transaction is what a query answers, and what a notification says.
func (f *fakePay) transaction(o *fakeOrder) map[string]any {
	t := map[string]any{
		"appid": testAppID, "mchid": testMerchantID, "out_trade_no": o.made["out_trade_no"], "attach": o.made["attach"],
		"trade_state": o.state, "trade_state_desc": "as it is",
		"amount": map[string]any{"total": o.total(), "currency": "CNY"},
	}
	if o.transactionID != "" {
		t["transaction_id"], t["trade_type"], t["bank_type"] = o.transactionID, "NATIVE", "OTHERS"
		t["success_time"], t["payer"] = "2026-11-20T19:59:00+08:00", map[string]any{"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}
		t["amount"] = map[string]any{"total": o.total(), "payer_total": o.total() - 1, "currency": "CNY", "payer_currency": "CNY"}
	}
	return t
}

// pay is the payer's deed.
func (f *fakePay) pay(number string) *fakeOrder {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.orders[number]
	if o == nil || o.state != "NOTPAY" {
		f.t.Fatalf("order %s cannot be paid", number)
	}
	o.state, o.transactionID = "SUCCESS", "42000023"+strconv.Itoa(len(f.orders))
	return o
}

func (f *fakePay) createRefund(in map[string]any) (int, any) {
	key, _ := in["out_refund_no"].(string)
	amount, _ := in["amount"].(map[string]any)
	refund, _ := amount["refund"].(float64)
	if known := f.refunds[key]; known != nil {
		before, _ := json.Marshal(known.made["amount"])
		if now, _ := json.Marshal(amount); !bytes.Equal(before, now) {
			return refusal(http.StatusBadRequest, "INVALID_REQUEST", "other amount than the first time")
		}
		return http.StatusOK, known.answer()
	}
	var paid *fakeOrder
	for _, o := range f.orders {
		if o.transactionID != "" && o.transactionID == in["transaction_id"] {
			paid = o
		}
	}
	notify, _ := in["notify_url"].(string)
	switch {
	case !regexp.MustCompile(`^[0-9A-Za-z_\-|*@]{1,64}$`).MatchString(key), refund < 1, amount["currency"] != "CNY",
		!strings.HasPrefix(notify, "https://"), in["reason"] == "":
		return refusal(http.StatusBadRequest, "PARAM_ERROR", "parameters")
	case paid == nil:
		return refusal(http.StatusNotFound, "RESOURCE_NOT_EXISTS", "no such transaction")
	case amount["total"] != float64(paid.total()), paid.refunded+int64(refund) > paid.total():
		return refusal(http.StatusBadRequest, "INVALID_REQUEST", "more than was paid")
	case f.balance < int64(refund):
		return refusal(http.StatusForbidden, "NOT_ENOUGH", "balance")
	}
	f.balance -= int64(refund)
	paid.refunded += int64(refund)
	paid.state = "REFUND"
	made := &fakeRefund{made: in, id: "5030" + strconv.Itoa(len(f.refunds)), status: "PROCESSING"}
	f.refunds[key] = made
	return http.StatusOK, made.answer()
}

func (r *fakeRefund) answer() map[string]any {
	return map[string]any{
		"refund_id": r.id, "out_refund_no": r.made["out_refund_no"], "transaction_id": r.made["transaction_id"],
		"out_trade_no": "1", "channel": "ORIGINAL", "user_received_account": "card 0403", "status": r.status,
		"create_time": "2026-11-20T20:00:00+08:00", "amount": r.made["amount"],
	}
}

// signed makes an answer that is signed as WeChat Pay signs: at this time, because the library knows no other clock.
func (f *fakePay) signed(status int, answer any) *http.Response {
	var body []byte
	if answer != nil {
		body = encode(f.t, answer)
	}
	header := http.Header{"Content-Type": {"application/json"}, "Request-Id": {"08F78BB5"}}
	f.sign(header, time.Now(), body)
	return answerOf(status, header, body)
}

func answerOf(status int, header http.Header, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Status: strconv.Itoa(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func (f *fakePay) sign(header http.Header, at time.Time, body []byte) {
	timestamp, nonce := strconv.FormatInt(at.Unix(), 10), "nonce"+rand.Text()
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n", timestamp, nonce, body))
	signature, err := rsa.SignPKCS1v15(rand.Reader, f.signKey, crypto.SHA256, sum[:])
	if err != nil {
		f.t.Fatal(err)
	}
	header.Set("Wechatpay-Serial", f.keyID)
	header.Set("Wechatpay-Timestamp", timestamp)
	header.Set("Wechatpay-Nonce", nonce)
	header.Set("Wechatpay-Signature", base64.StdEncoding.EncodeToString(signature))
	header.Set("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048")
}

// notification encrypts what a notification says, and signs it at this time.
func (f *fakePay) notification(at time.Time, eventType string, says any) (http.Header, []byte) {
	return f.notificationWith(at, testAPIv3Key, eventType, encode(f.t, says))
}

func (f *fakePay) notificationWith(at time.Time, key, eventType string, says []byte) (http.Header, []byte) {
	const nonce, associated = "fdasflkja484", "transaction"
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		f.t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.signedBody(at, map[string]any{
		"id": "EV-2026112020000000001", "create_time": "2026-11-20T20:00:00+08:00", "event_type": eventType,
		"resource_type": "encrypt-resource", "summary": "as it says", "resource": map[string]any{
			"original_type": "transaction", "algorithm": "AEAD_AES_256_GCM", "associated_data": associated, "nonce": nonce,
			"ciphertext": base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), says, []byte(associated))),
		},
	})
}

// signedBody signs a notification's body, whatever is in it.
func (f *fakePay) signedBody(at time.Time, body any) (http.Header, []byte) {
	raw, isRaw := body.([]byte)
	if !isRaw {
		raw = encode(f.t, body)
	}
	header := http.Header{}
	f.sign(header, at, raw)
	return header, raw
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

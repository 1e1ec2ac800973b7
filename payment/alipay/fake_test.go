package alipay_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/payment"
	"boxoffice/payment/alipay"
)

const (
	appID     = "2021000122600001"
	sellerID  = "2088102146225135"
	attemptID = "abcdefghijklmnopqrstuvwxyz234567"
	orderID   = "0ntdjkc8f7gq1m2n3p4r5s6t7v"
	office    = "rex"
	callback  = "https://tickets.example/api/payments/alipay/callback"
	returnURL = "https://tickets.example/orders/1?x=1&y=2"
	layout    = "2006-01-02 15:04:05"
)

// testNow is the office's clock, and China's day is already the next one.
func testNow() time.Time { return time.Date(2026, 11, 20, 18, 30, 0, 0, time.UTC) }

func china(t time.Time) string { return t.In(time.FixedZone("", 8*60*60)).Format(layout) }

// testKeys are the application's key, Alipay's, and the one that Alipay changes to. Making them takes a while.
var testKeys = sync.OnceValue(func() (keys [3]*rsa.PrivateKey) {
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

func appKey() *rsa.PrivateKey  { return testKeys()[0] }
func theirs() *rsa.PrivateKey  { return testKeys()[1] }
func theirs2() *rsa.PrivateKey { return testKeys()[2] }

func appKeyText() string {
	return base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(appKey()))
}

func publicText(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func signText(key *rsa.PrivateKey, text string) string {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// signedText is what a signature of parameters is over: all but some, sorted, without escapes.
func signedText(values url.Values, without ...string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(without, name) {
			pairs = append(pairs, name+"="+values.Get(name))
		}
	}
	return strings.Join(pairs, "&")
}

// trade is a trade at the fake Alipay.
type trade struct {
	no, total, passback, body, expire string
	status                            string
	paidAt                            string
	refunds                           map[string]string // amounts by out_request_no
}

// fakeAlipay is the part of Alipay that the provider talks to. It verifies requests, and signs its answers.
type fakeAlipay struct {
	t      *testing.T
	url    string
	key    *rsa.PrivateKey
	mu     sync.Mutex
	trades map[string]*trade // by out_trade_no
	codes  map[string]url.Values
	calls  []string
	biz    []map[string]any // the biz_content of each call

	fail     map[string]string                    // the sub code that a method fails with
	answers  map[string]string                    // the signed answer of a method
	raw      map[string]func(http.ResponseWriter) // the whole answer of a method
	before   map[string]func(*http.Request)       // what happens between a call and its answer
	sluggish bool                                 // refunds are taken and not yet done
	lazy     map[string]string                    // those refunds
}

func newFake(t *testing.T) *fakeAlipay {
	t.Helper()
	f := &fakeAlipay{
		t: t, key: theirs(), trades: map[string]*trade{}, codes: map[string]url.Values{}, fail: map[string]string{},
		answers: map[string]string{}, raw: map[string]func(http.ResponseWriter){},
		before: map[string]func(*http.Request){}, lazy: map[string]string{},
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL + "/gateway.do"
	return f
}

// newProvider makes a provider that talks to the fake; change may change its options.
func newProvider(t *testing.T, f *fakeAlipay, change ...func(*alipay.Options)) *alipay.Provider {
	t.Helper()
	opts := alipay.Options{
		Office: office, AppID: appID, PrivateKey: appKeyText(),
		PublicKeys: []string{publicText(theirs())}, SellerID: sellerID, Gateway: f.url,
		CallbackURL: func() string { return callback }, Now: testNow,
	}
	for _, c := range change {
		c(&opts)
	}
	p, err := alipay.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func withQR(o *alipay.Options) { o.QR = true }

func newAttempt() payment.Attempt {
	return payment.Attempt{
		ID: attemptID, OrderID: orderID, Amount: event.Money{Amount: 9800, Currency: "CNY"},
		Description: "Order " + orderID, ReturnURL: returnURL, ExpiresAt: testNow().Add(15 * time.Minute),
	}
}

// verify checks a request as the gateway does, and returns its biz_content, or the error that Alipay answers.
func (f *fakeAlipay) verify(values url.Values) (biz map[string]any, subCode string) {
	signature, err := base64.StdEncoding.DecodeString(values.Get("sign"))
	sum := sha256.Sum256([]byte(signedText(values, "sign")))
	if err != nil || rsa.VerifyPKCS1v15(&appKey().PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return nil, "isv.invalid-signature"
	}
	if values.Get("app_id") != appID {
		return nil, "isv.invalid-app-id"
	}
	if values.Get("sign_type") != "RSA2" || values.Get("charset") != "utf-8" {
		return nil, "isv.invalid-signature-type"
	}
	at, err := time.ParseInLocation(layout, values.Get("timestamp"), time.FixedZone("", 8*60*60))
	if err != nil || time.Since(at).Abs() > time.Hour { // the library has no other clock than the machine's
		return nil, "isv.invalid-timestamp"
	}
	if err := json.Unmarshal([]byte(values.Get("biz_content")), &biz); err != nil {
		return nil, "isv.invalid-parameter"
	}
	return biz, ""
}

func (f *fakeAlipay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := r.ParseForm(); err != nil {
		f.t.Errorf("read request: %v", err)
	}
	method := r.PostForm.Get("method")
	biz, wrong := f.verify(r.PostForm)
	f.calls, f.biz = append(f.calls, method), append(f.biz, biz)
	if raw := f.raw[method]; raw != nil {
		raw(w)
		return
	}
	if do := f.before[method]; do != nil {
		do(r)
	}
	answer := f.answers[method]
	switch {
	case wrong != "":
		answer = fmt.Sprintf(`{"code":"40002","msg":"Invalid Arguments","sub_code":%q,"sub_msg":"x"}`, wrong)
	case f.fail[method] != "":
		answer = failed(f.fail[method])
	case answer == "":
		answer = f.answer(method, biz)
	}
	_, _ = w.Write(signedAnswer(f.key, method, answer))
}

func failed(subCode string) string {
	code := "40004"
	if strings.HasPrefix(subCode, "isp.") {
		code = "20000"
	}
	return fmt.Sprintf(`{"code":%q,"msg":"Business Failed","sub_code":%q,"sub_msg":"\u4ea4\u6613"}`, code, subCode)
}

func signedAnswer(key *rsa.PrivateKey, method, answer string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"%s_response":%s,"sign":"%s"}`, strings.ReplaceAll(method, ".", "_"), answer, signText(key, answer))
	return b.Bytes()
}

func (f *fakeAlipay) answer(method string, biz map[string]any) string {
	text := func(name string) string { s, _ := biz[name].(string); return s }
	found, exists := f.trades[text("out_trade_no")]
	outNo := text("out_trade_no")
	if no := text("trade_no"); no != "" {
		for id, candidate := range f.trades {
			if candidate.no == no {
				found, exists, outNo = candidate, true, id
			}
		}
	}
	if method == "alipay.trade.precreate" {
		if exists && found.paidAt != "" {
			return failed("ACQ.TRADE_HAS_SUCCESS")
		}
		f.codes[outNo] = url.Values{"total_amount": {text("total_amount")}, "passback_params": {text("passback_params")},
			"body": {text("body")}, "time_expire": {text("time_expire")}}
		return fmt.Sprintf(`{"code":"10000","msg":"Success","out_trade_no":%q,"qr_code":"https:\/\/qr.alipay.com\/%.8s"}`, outNo, outNo)
	}
	if !exists {
		return failed("ACQ.TRADE_NOT_EXIST")
	}
	switch method {
	case "alipay.trade.query":
		return f.queryAnswer(outNo, found)
	case "alipay.trade.close":
		if found.status != "WAIT_BUYER_PAY" {
			return failed("ACQ.TRADE_STATUS_ERROR")
		}
		found.status = "TRADE_CLOSED"
		return fmt.Sprintf(`{"code":"10000","msg":"Success","out_trade_no":%q,"trade_no":%q}`, outNo, found.no)
	case "alipay.trade.refund":
		return f.refundAnswer(outNo, found, text("out_request_no"), text("refund_amount"))
	case "alipay.trade.fastpay.refund.query":
		key := text("out_request_no")
		if amount, done := found.refunds[key]; done {
			return fmt.Sprintf(`{"code":"10000","msg":"Success","out_trade_no":%q,"trade_no":%q,"out_request_no":%q,`+
				`"refund_amount":%q,"total_amount":%q,"refund_status":"REFUND_SUCCESS"}`, outNo, found.no, key, amount, found.total)
		}
		return `{"code":"10000","msg":"Success"}`
	}
	return failed("isv.invalid-method")
}

func (f *fakeAlipay) queryAnswer(outNo string, found *trade) string {
	receipt, paidAt := "0.00", ""
	if found.paidAt != "" {
		receipt, paidAt = found.total, fmt.Sprintf(`"send_pay_date":%q,`, found.paidAt)
	}
	return fmt.Sprintf(`{"code":"10000","msg":"Success","buyer_logon_id":"159****5620","out_trade_no":%q,"trade_no":%q,`+
		`"fund_bill_list":[{"fund_channel":"ALIPAYACCOUNT","amount":"98.00","real_amount":98.00}],%s`+
		`"receipt_amount":%q,"total_amount":%q,"passback_params":%q,"trade_status":%q}`,
		outNo, found.no, paidAt, receipt, found.total, found.passback, found.status)
}

func (f *fakeAlipay) refundAnswer(outNo string, found *trade, key, amount string) string {
	change := "N"
	switch _, done := found.refunds[key]; {
	case done, f.lazy[key] != "":
	case found.status == "TRADE_CLOSED":
		return failed("ACQ.TRADE_HAS_CLOSE")
	case found.status == "TRADE_FINISHED":
		return failed("ACQ.TRADE_HAS_FINISHED")
	case found.refunded()+cents(amount) > cents(found.total):
		return failed("ACQ.REASON_TRADE_REFUND_FEE_ERR")
	case f.sluggish:
		f.lazy[key] = amount
	default:
		found.refunds[key], change = amount, "Y"
		if found.refunded() == cents(found.total) {
			found.status = "TRADE_CLOSED"
		}
	}
	return fmt.Sprintf(`{"code":"10000","msg":"Success","out_trade_no":%q,"trade_no":%q,"fund_change":%q,"refund_fee":"%d.%02d"}`,
		outNo, found.no, change, found.refunded()/100, found.refunded()%100)
}

func (t *trade) refunded() (sum int) {
	for _, amount := range t.refunds {
		sum += cents(amount)
	}
	return sum
}

func cents(amount string) int {
	n, _ := strconv.Atoi(strings.Replace(amount, ".", "", 1))
	return n
}

// open is the payer who opens the page of a URL: from then on Alipay knows the trade. The same URL, or another one for
// the same out_trade_no, opens the same trade.
func (f *fakeAlipay) open(link string) *trade {
	f.t.Helper()
	parsed, err := url.Parse(link)
	if err != nil || !strings.HasPrefix(link, f.url+"?") {
		f.t.Fatalf("not a page of this gateway: %q, %v", link, err)
	}
	biz, wrong := f.verify(parsed.Query())
	if wrong != "" {
		f.t.Fatalf("the page says %s", wrong)
	}
	text := func(name string) string { s, _ := biz[name].(string); return s }
	return f.create(text("out_trade_no"), url.Values{"total_amount": {text("total_amount")},
		"passback_params": {text("passback_params")}, "body": {text("body")}, "time_expire": {text("time_expire")}})
}

func (f *fakeAlipay) create(outNo string, terms url.Values) *trade {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.trades[outNo] == nil {
		f.trades[outNo] = &trade{
			no: fmt.Sprintf("20261121220014%014d", len(f.trades)+1), total: terms.Get("total_amount"), body: terms.Get("body"),
			passback: terms.Get("passback_params"), expire: terms.Get("time_expire"), status: "WAIT_BUYER_PAY", refunds: map[string]string{},
		}
	}
	return f.trades[outNo]
}

// pay is the payer who pays an open trade.
func (t *trade) pay() { t.status, t.paidAt = "TRADE_SUCCESS", china(testNow()) }

// paidTrade is a trade of the attempt that is paid.
func (f *fakeAlipay) paidTrade() *trade {
	paid := f.create(attemptID, url.Values{"total_amount": {"98.00"}, "passback_params": {orderID}, "body": {orderID}})
	paid.pay()
	return paid
}

// notification is what Alipay sends of a trade that was paid.
func notification() url.Values {
	return url.Values{
		"app_id": {appID}, "auth_app_id": {appID}, "body": {orderID}, "buyer_id": {"2088202954065786"}, "charset": {"utf-8"},
		"buyer_pay_amount": {"98.00"}, "fund_bill_list": {`[{"amount":"98.00","fundChannel":"ALIPAYACCOUNT"}]`},
		"gmt_create": {china(testNow())}, "gmt_payment": {china(testNow())}, "invoice_amount": {"98.00"},
		"notify_id": {"2026112100222023045001234567890123"}, "notify_time": {china(testNow())}, "notify_type": {"trade_status_sync"},
		"out_trade_no": {attemptID}, "passback_params": {orderID}, "receipt_amount": {"98.00"}, "seller_id": {sellerID},
		"subject": {"Order " + orderID}, "total_amount": {"98.00"}, "trade_no": {"2026112122001400000000000001"},
		"trade_status": {"TRADE_SUCCESS"}, "version": {"1.0"},
	}
}

// signed is the body of a notification, signed as Alipay does.
func signed(key *rsa.PrivateKey, values url.Values) []byte {
	values = maps.Clone(values)
	values.Set("sign", signText(key, signedText(values)))
	values.Set("sign_type", "RSA2")
	return []byte(values.Encode())
}

package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"boxoffice/app/settings"
	"boxoffice/common/db"
)

const (
	testJWTSecret = "0123456789abcdef0123456789abcdef"
	testDeadline  = 60 * time.Second

	outputBytesMax = 64 << 10 // of each process, when a test fails
)

func testWebhookSecret() string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
}

// officeTest is an office that runs in this process, against a message queue whose faults the test controls.
type officeTest struct {
	home
	t     *testing.T
	clock *testClock
	shop  string // URL
	admin string // URL
	env   map[string]string
	stop  func()
	ahead time.Duration // of the clock, before the database's; a test's clock is not that of a real database
	isSet bool          // the test sets the clock; it must not advance it at the same time

	stdout *output
}

// newOffice starts an office with args in a home of its own, and stops it when the test ends.
func newOffice(t *testing.T, args ...string) *officeTest {
	t.Helper()
	return newOfficeAt(t, newHome(t), args...)
}

// newOfficeAt starts an office in a home that another office may share.
func newOfficeAt(t *testing.T, h home, args ...string) *officeTest {
	t.Helper()
	o := &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
	o.start(args...)
	return o
}

// call is an invocation with this office's environment and clock.
func (o *officeTest) call(stdout io.Writer, args ...string) settings.Invocation {
	call := settings.Invocation{
		Args: args, Getenv: func(name string) string { return o.env[name] }, Now: o.clock.Now, Stdout: stdout,
		Skew: func(context.Context) (time.Duration, error) { return o.ahead, nil },
	}
	if o.isSet {
		call.Ages = o.clock.age
	}
	return call
}

// callAhead is an invocation some time ahead.
func (o *officeTest) callAhead(ahead time.Duration, stdout io.Writer, args ...string) settings.Invocation {
	call := o.call(stdout, args...)
	call.Now = func() time.Time { return o.clock.Now().Add(ahead) }
	return call
}

// start runs the office as main does, but with the test's clock, and waits for the ready line.
func (o *officeTest) start(args ...string) {
	o.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdout := newOutput(o.t)
	o.stdout = stdout
	ended := make(chan error, 1)
	go func() { ended <- runServe(ctx, o.call(stdout, args...)) }()
	o.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				o.t.Errorf("the office ended with: %v", err)
			}
		case <-time.After(testDeadline):
			o.t.Error("the office did not stop")
		}
	})
	o.t.Cleanup(o.stop)
	select {
	case line := <-stdout.ready:
		o.shop, o.admin = addresses(line)
	case err := <-ended:
		ended <- nil
		o.t.Fatalf("the office did not start: %v", err)
	case <-time.After(testDeadline):
		o.t.Fatal("the office was not ready in time")
	}
}

func addresses(readyLine string) (shop, admin string) {
	url := regexp.MustCompile(`(shop|admin)(?: |":")(http://[^,"\s]+)`)
	for _, match := range url.FindAllStringSubmatch(readyLine, -1) {
		if match[1] == "shop" {
			shop = match[2]
		} else {
			admin = match[2]
		}
	}
	return shop, admin
}

// output is an office's stdout: it catches the ready line and shows the log of a test that failed.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	seen  bool
	ready chan string
}

func newOutput(t *testing.T) *output {
	out := &output{ready: make(chan string, 1)}
	t.Cleanup(func() {
		out.mu.Lock()
		defer out.mu.Unlock()
		if t.Failed() {
			t.Logf("output of the office:\n%s", out.text.String())
		}
	})
	return out
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if !o.seen {
		for line := range strings.Lines(o.text.String()) {
			text := strings.HasPrefix(line, "boxoffice ") && strings.Contains(line, "is ready: ")
			object := strings.Contains(line, `"msg":"office is ready"`)
			if (text || object) && strings.HasSuffix(line, "\n") {
				o.seen = true
				o.ready <- line
			}
		}
	}
	o.text.Next(max(0, o.text.Len()-outputBytesMax))
	return len(p), nil
}

type orderJSON struct {
	ID           string    `json:"id"`
	ScreeningID  string    `json:"screening_id"`
	Quantity     int64     `json:"quantity"`
	Status       string    `json:"status"`
	CancelReason string    `json:"cancel_reason"`
	ExpiresAt    time.Time `json:"expires_at"`
	ServerTime   time.Time `json:"server_time"`
	Amount       struct {
		Amount   int64  `json:"amount"`
		Currency string `json:"currency"`
	} `json:"amount"`
}

type screeningJSON struct {
	ID        string `json:"id"`
	Capacity  int64  `json:"capacity"`
	Available int64  `json:"available"`
}

type problemJSON struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// response is what came back, with the body decoded on demand.
type response struct {
	status int
	header http.Header
	body   []byte
}

func (r response) code() string {
	var p problemJSON
	_ = json.Unmarshal(r.body, &p) // a body that is no problem has no code
	return p.Code
}

func decode[T any](t *testing.T, r response) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Errorf("decode %q: %v", r.body, err)
	}
	return v
}

// send makes one request; header pairs follow the body. It and must may be called from any goroutine.
func (o *officeTest) send(method, path, token, body string, header ...string) (response, error) {
	return sendTo(o.shop, method, path, token, body, header...)
}

func sendTo(shop, method, path, token, body string, header ...string) (response, error) {
	return sendBy(&http.Client{}, shop, method, path, token, body, header...)
}

// sendBy makes one request by a client that may keep connections.
func sendBy(client *http.Client, shop, method, path, token, body string, header ...string) (response, error) {
	request, err := http.NewRequest(method, shop+path, strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), testDeadline) // whatever is away, there is an answer
	defer cancel()
	answer, err := client.Do(request.WithContext(ctx))
	if err != nil {
		return response{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	return response{answer.StatusCode, answer.Header, content}, err
}

func (o *officeTest) must(method, path, token, body string, header ...string) response {
	o.t.Helper()
	r, err := o.send(method, path, token, body, header...)
	if err != nil {
		o.t.Errorf("%s %s: %v", method, path, err)
	}
	return r
}

func bearer(t *testing.T, subject, role string) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": subject, "role": role, "exp": time.Now().Add(1000 * time.Hour).Unix(),
	}).SignedString([]byte(testJWTSecret))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// addScreening puts capacity tickets at 49.00 CNY on sale.
func (o *officeTest) addScreening(capacity, limit int) string {
	o.t.Helper()
	now := o.clock.Now()
	body := fmt.Sprintf(`{"movie":"Casablanca","venue":"Rex","starts_at":%q,"price":{"amount":4900,"currency":"CNY"},
		"capacity":%d,"sale_opens_at":%q,"sale_closes_at":%q,"per_user_limit":%d}`,
		now.Add(72*time.Hour).Format(time.RFC3339), capacity,
		now.Add(-time.Hour).Format(time.RFC3339), now.Add(48*time.Hour).Format(time.RFC3339), limit)
	r := o.must("POST", "/v1/screenings", bearer(o.t, "boss", "admin"), body)
	if r.status != http.StatusCreated {
		o.t.Fatalf("add a screening: %d %s", r.status, r.body)
	}
	return decode[screeningJSON](o.t, r).ID
}

func (o *officeTest) buy(buyer, screening, key string, quantity int) response {
	o.t.Helper()
	return o.must("POST", "/v1/screenings/"+screening+"/orders", bearer(o.t, buyer, "buyer"),
		fmt.Sprintf(`{"quantity":%d}`, quantity), "Idempotency-Key", key)
}

// mustBuy sends a purchase as buyers do: once more where the office says so, as it does on a machine that is busy with other tests.
func (o *officeTest) mustBuy(buyer, screening string, quantity int) orderJSON {
	o.t.Helper()
	r := o.buy(buyer, screening, "key-of-"+buyer, quantity)
	for deadline := time.Now().Add(testDeadline); r.status == http.StatusServiceUnavailable && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
		r = o.buy(buyer, screening, "key-of-"+buyer, quantity)
	}
	if r.status != http.StatusAccepted {
		o.t.Fatalf("buy: %d %s", r.status, r.body)
	}
	return decode[orderJSON](o.t, r)
}

// callback delivers a payment of 49.00 CNY times tickets, signed as the provider does, and returns the result or the
// problem's code.
func (o *officeTest) callback(paymentID, orderID string, tickets int) string {
	o.t.Helper()
	body := paymentBody(paymentID, orderID, 4900*tickets, "CNY")
	r := o.deliver(body, o.clock.Now())
	if r.status != http.StatusOK {
		return r.code()
	}
	return decode[struct{ Result string }](o.t, r).Result
}

func paymentBody(paymentID, orderID string, amount int, currency string) string {
	return fmt.Sprintf(`{"type":"payment.succeeded","timestamp":"2026-11-20T12:00:00Z",`+
		`"data":{"payment_id":%q,"order_id":%q,"amount":%d,"currency":%q}}`,
		paymentID, orderID, amount, currency)
}

func (o *officeTest) deliver(body string, at time.Time) response {
	o.t.Helper()
	return o.must("POST", "/v1/payments/callback", "", body, signed(o.t, body, at)...)
}

// signed is the headers that the payment provider sends with a callback.
func signed(t *testing.T, body string, at time.Time) []string {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(testWebhookSecret())
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.Sign("msg_1", at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return []string{"webhook-id", "msg_1", "webhook-timestamp", fmt.Sprint(at.Unix()), "webhook-signature", signature}
}

func (o *officeTest) order(buyer, id string) orderJSON {
	o.t.Helper()
	r := o.must("GET", "/v1/orders/"+id, bearer(o.t, buyer, "buyer"), "")
	if r.status != http.StatusOK {
		o.t.Fatalf("order %s: %d %s", id, r.status, r.body)
	}
	return decode[orderJSON](o.t, r)
}

func (o *officeTest) available(screening string) int64 {
	o.t.Helper()
	return decode[screeningJSON](o.t, o.must("GET", "/v1/screenings/"+screening, "", "")).Available
}

// eventually polls until f holds.
func (o *officeTest) eventually(what string, f func() bool) {
	o.t.Helper()
	o.within(testDeadline, what, f)
}

func (o *officeTest) within(limit time.Duration, what string, f func() bool) {
	o.t.Helper()
	for deadline := time.Now().Add(limit); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatalf("not in time: %s", what)
		}
	}
}

func (o *officeTest) eventuallyStatus(buyer, id, status string) orderJSON {
	o.t.Helper()
	o.eventually("order "+status, func() bool { return o.order(buyer, id).Status == status })
	return o.order(buyer, id)
}

func TestMain(m *testing.M) {
	if os.Getenv("BOXOFFICE_TEST_AS_PROGRAM") != "" {
		os.Exit(Main(os.Args[1:], os.Environ(), os.Getenv, os.Stdout, os.Stderr))
	}
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) { // as it is by itself
		_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // offices and browsers mostly wait
	}
	os.Exit(m.Run())
}

// counters reads what no HTTP answer shows from the stock database itself, and checks the books on the way: every
// ticket is available, reserved or sold, and the reservations add up to the counters.
func (o *officeTest) counters(screening string) (available, reserved, sold int64) {
	o.t.Helper()
	var row struct{ Capacity, Available, Reserved, Sold, Held, Gone int64 }
	o.read(o.stockDSN, &row, `SELECT s.capacity, s.available, s.reserved, s.sold,
		(SELECT COALESCE(SUM(quantity), 0) FROM reservations r WHERE r.screening_id = s.screening_id AND r.state = 'reserved') AS held,
		(SELECT COALESCE(SUM(quantity), 0) FROM reservations r WHERE r.screening_id = s.screening_id AND r.state = 'sold') AS gone
		FROM stock s WHERE s.screening_id = ?`, screening)
	if row.Available+row.Reserved+row.Sold != row.Capacity || row.Held != row.Reserved || row.Gone != row.Sold {
		o.t.Fatalf("the books are wrong: %+v", row)
	}
	return row.Available, row.Reserved, row.Sold
}

// read gets one row from a database behind the services' back.
func (o *officeTest) read(dsn string, row any, query string, args ...any) {
	o.t.Helper()
	d, err := db.Open(o.t.Context(), dsn)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Reader().GetContext(o.t.Context(), row, query, args...); err != nil {
		o.t.Fatal(err)
	}
}

// refundsDue counts the payments of an order whose money must go back.
func (o *officeTest) refundsDue(orderID string) (n int) {
	o.t.Helper()
	o.read(o.orderDSN, &n, `SELECT COUNT(*) FROM refunds WHERE order_id = ?`, orderID)
	return n
}

// eventuallyCounters waits until every ticket of a screening is where it should be.
func (o *officeTest) eventuallyCounters(screening string, available, reserved, sold int64) {
	o.t.Helper()
	var a, r, s int64
	for deadline := time.Now().Add(testDeadline); ; time.Sleep(10 * time.Millisecond) {
		if a, r, s = o.counters(screening); a == available && r == reserved && s == sold {
			return
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("%d available, %d reserved, %d sold, want %d, %d, %d", a, r, s, available, reserved, sold)
		}
	}
}

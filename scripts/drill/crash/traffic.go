package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"boxoffice/scripts/client"
	"boxoffice/scripts/wait"
)

const (
	buyers      = 8
	buyerPause  = 25 * time.Millisecond // between two purchases of one worker
	sendLimit   = 20 * time.Second
	remembered  = 16 // orders of a worker about which somebody may still change his mind
	limitOfSale = 4  // tickets of a buyer, of the screening that has a limit
	perBuyer    = 3  // orders, after which the worker is somebody else
	capacity    = 10_000_000
)

// traffic is buyers who buy, pay, cancel and look, and an office that cancels and gives back, whatever is killed meanwhile. What
// anybody was told is remembered, and has to be true in the end.
type traffic struct {
	shop       string // URL
	client     *http.Client
	admin      string // token
	screenings []string

	running sync.WaitGroup
	stop    context.CancelFunc

	mu        sync.Mutex
	bought    map[string]string // acknowledged order: buyer
	cancelled map[string]bool   // orders that their buyers were told are cancelled
	returned  map[string]bool   // orders that the office was told are cancelled
	refunds   map[string]bool   // parts that the office was told go back
	paid      map[string]bool   // orders that were shown as paid
	surprises []string          // answers that nobody may get
	fresh     []string          // acknowledged since somebody has looked
}

// startTraffic puts screenings on sale and starts to buy.
func startTraffic(ctx context.Context, shop string, seed uint64) (*traffic, error) {
	t := &traffic{
		shop: shop, client: &http.Client{Timeout: sendLimit, Transport: &http.Transport{MaxIdleConnsPerHost: buyers}},
		bought: map[string]string{}, cancelled: map[string]bool{}, returned: map[string]bool{}, refunds: map[string]bool{},
		paid: map[string]bool{},
	}
	var err error
	if t.admin, err = token("boss", "admin"); err != nil {
		return nil, err
	}
	for _, terms := range []string{``, `,"late_payment":"revive"`, fmt.Sprintf(`,"per_user_limit":%d`, limitOfSale)} {
		now := time.Now()
		a := t.send(ctx, "POST", "/v1/screenings", t.admin, fmt.Sprintf(`{"movie":"Casablanca","venue":"Rex","starts_at":%q,
			"price":{"amount":4900,"currency":"CNY"},"capacity":%d,"sale_opens_at":%q,"sale_closes_at":%q%s}`,
			now.Add(72*time.Hour).Format(time.RFC3339), capacity, now.Add(-time.Hour).Format(time.RFC3339),
			now.Add(48*time.Hour).Format(time.RFC3339), terms))
		if a.status != http.StatusCreated {
			return nil, fmt.Errorf("add a screening: %d %s, %w", a.status, a.body, a.err)
		}
		t.screenings = append(t.screenings, a.field("id"))
	}
	t.resume(ctx, seed)
	return t, nil
}

// resume has the buyers buy on until halt.
func (t *traffic) resume(ctx context.Context, seed uint64) {
	ctx, t.stop = context.WithCancel(ctx)
	for n := range buyers {
		w := &worker{traffic: t, number: n, random: rand.New(rand.NewPCG(seed, uint64(n)))}
		t.running.Go(func() {
			for ctx.Err() == nil {
				w.goOn(ctx)
				wait.For(ctx, buyerPause)
			}
		})
	}
}

// halt ends the buying. What was begun is answered, or given up.
func (t *traffic) halt() {
	t.stop()
	t.running.Wait()
}

// answer is what came back, or why nothing did.
type answer struct {
	status int
	body   []byte
	err    error
}

// field is a string of the answer.
func (a answer) field(name string) string {
	var fields map[string]any
	if json.Unmarshal(a.body, &fields) != nil {
		return ""
	}
	text, _ := fields[name].(string)
	return text
}

// send makes one request. A request is finished also when the drill ends, so that what was answered is known.
func (t *traffic) send(ctx context.Context, method, path, token, body string, header ...string) answer {
	request := client.Request{Method: method, Path: path, Token: token, Body: body, Headers: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		request.Headers[header[i]] = header[i+1]
	}
	read, err := request.Send(context.WithoutCancel(ctx), t.client, t.shop)
	if read.Status == http.StatusInternalServerError {
		t.surprise("%s %s is answered 500: %s", method, path, read.Body)
	}
	return answer{status: read.Status, body: read.Body, err: err}
}

func (t *traffic) surprise(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.surprises = append(t.surprises, fmt.Sprintf(format, args...))
}

// told remembers what somebody was told.
func (t *traffic) told(set map[string]bool, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	set[id] = true
}

// sold is how many orders are acknowledged.
func (t *traffic) sold() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.bought)
}

// takeFresh returns the orders that were acknowledged, and the surprises that were met, since the last call.
func (t *traffic) takeFresh() (orders, surprises []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	orders, surprises, t.fresh, t.surprises = t.fresh, t.surprises, nil, nil
	return orders, surprises
}

// worker is one buyer after the other.
type worker struct {
	*traffic
	number, bought int
	random         *rand.Rand
	token, name    string
	orders         []ordered // the last ones
}

// ordered is an order and who may see it.
type ordered struct{ id, token string }

var errUnsure = errors.New("no answer")

// goOn buys a ticket, and has one or another of the things happen that happen to orders.
func (w *worker) goOn(ctx context.Context) {
	if w.bought%perBuyer == 0 && !w.becomeSomebodyElse(ctx) {
		return
	}
	latest, err := w.buy(ctx)
	if err != nil {
		return
	}
	w.orders = append(w.orders, latest)
	w.orders = w.orders[max(0, len(w.orders)-remembered):]
	if w.random.IntN(4) > 0 {
		w.startPayment(ctx, latest)
	}
	old := w.orders[w.random.IntN(len(w.orders))]
	switch w.random.IntN(12) {
	case 0, 1:
		if a := w.send(ctx, "POST", "/v1/orders/"+latest.id+"/cancel", latest.token, ""); a.status == http.StatusOK {
			w.told(w.cancelled, latest.id)
		}
	case 2, 3:
		a := w.send(ctx, "POST", "/v1/admin/orders/"+old.id+"/cancel", w.admin, `{"note":"the projector"}`)
		if a.status == http.StatusOK {
			w.told(w.returned, old.id)
		}
	case 4:
		a := w.send(ctx, "POST", "/v1/admin/orders/"+old.id+"/refunds", w.admin, fmt.Sprintf(`{"amount":%d,"note":"a worse seat"}`,
			1+w.random.IntN(2000)), "Idempotency-Key", fmt.Sprint("part-", w.bought))
		if a.status == http.StatusAccepted {
			w.told(w.refunds, a.field("refund_id"))
		}
	case 5, 6:
		w.startPayment(ctx, old)
	case 7, 8:
		w.send(ctx, "GET", "/v1/orders/"+old.id+"/tickets", old.token, "")
	case 9, 10:
		if a := w.send(ctx, "GET", "/v1/orders/"+old.id, old.token, ""); a.field("status") == "paid" {
			w.told(w.paid, old.id)
		}
	}
}

// becomeSomebodyElse makes the worker a new buyer, who wants to be told by phone.
func (w *worker) becomeSomebodyElse(ctx context.Context) bool {
	name := fmt.Sprintf("buyer-%d-%d-%d", w.number, w.bought, w.random.Uint32())
	bearer, err := token(name, "buyer")
	if err != nil {
		w.surprise("%v", err)
		return false
	}
	w.name, w.token = name, bearer
	w.send(ctx, "PUT", "/v1/contact", bearer, `{"phone":"+8613800138000"}`)
	return true
}

// buy repeats a purchase under its key until it is acknowledged.
func (w *worker) buy(ctx context.Context) (ordered, error) {
	screening, key := w.screenings[w.random.IntN(len(w.screenings))], fmt.Sprint("key-", w.bought)
	w.bought++
	for ctx.Err() == nil {
		a := w.send(ctx, "POST", "/v1/screenings/"+screening+"/orders", w.token, `{"quantity":1}`, "Idempotency-Key", key)
		switch {
		case a.status == http.StatusAccepted:
			w.acknowledge(a.field("id"))
			return ordered{a.field("id"), w.token}, nil
		case a.err == nil && a.status != http.StatusServiceUnavailable:
			w.surprise("a purchase is answered %d %s", a.status, a.body)
			return ordered{}, errUnsure
		}
		wait.For(ctx, buyerPause)
	}
	return ordered{}, ctx.Err()
}

func (w *worker) acknowledge(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.traffic.bought[id] = w.name
	w.fresh = append(w.fresh, id)
}

// startPayment starts the payment of an order. What it is answered depends on what has happened to the order.
func (w *worker) startPayment(ctx context.Context, o ordered) {
	for range 3 {
		a := w.send(ctx, "POST", "/v1/orders/"+o.id+"/payments", o.token, `{"provider":"webhook","return_url":"https://shop.example/"}`)
		if a.err == nil && a.status != http.StatusServiceUnavailable && a.status != http.StatusBadGateway {
			return
		}
		wait.For(ctx, buyerPause)
	}
}

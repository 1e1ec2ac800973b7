//go:build !race

package app

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/simulator"
)

// hostileDeliveries is how many callbacks TestHostileProvider waits for; BOXOFFICE_TEST_DELIVERIES sets another number,
// such as a million with -timeout 2h. BOXOFFICE_TEST_SEED, 1 without it, is that of all decisions: of what each buyer does with
// each of his purchases, and of what the provider deals to it. The same seed decides the same whatever ids the office gives; what
// meets when, and so how often somebody has to ask, is up to the machine.
const hostileDeliveries = 1500

const (
	manyDeliveries = 100_000 // from here on there are many buyers
	fewBuyers      = 8
	manyBuyers     = 32
	courierLimit   = 4000 // of deliveries that wait until buyers wait too
)

// hostileOffice is an office of two processes whose payment provider misbehaves. Late money of one screening revives its
// order, and that of the other goes back.
type hostileOffice struct {
	*officeTest
	provider   *simulator.Simulator
	screenings []string
	shops      []string
	turn       atomic.Int64
	client     *http.Client
}

// newHostileOffice starts the office and its provider. With many deliveries the provider makes more of each event, so that a
// million take well under an hour of two cores.
func newHostileOffice(t *testing.T, seed uint64, deliveries int64) *hostileOffice {
	t.Helper()
	faults := simulator.Hostile()
	faults.AutoPay, faults.AutoPayWithin, faults.MaxDelay = 0.9, 500*time.Millisecond, 300*time.Millisecond
	faults.LateWithin = 9 * time.Second // mostly after the order was cancelled
	if deliveries > manyDeliveries {
		faults.Duplicate, faults.Copies, faults.Forged = 0.5, 12, 1
	}
	clock := &testClock{}
	provider, url := newProvider(t, simulator.Options{Seed: seed, Faults: faults, Now: clock.Now, FirstPause: 100 * time.Millisecond})
	h := newHome(t)
	o := &hostileOffice{provider: provider, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: manyBuyers}}}
	t.Cleanup(o.client.CloseIdleConnections)
	for range 2 {
		o.officeTest = &officeTest{home: h, t: t, clock: clock, env: h.environment()}
		o.env["BOXOFFICE_PAYMENT_URL"] = url
		o.start("-pay-window", "4s", "-pay-lease", "3s", "-pay-grace", "2s", "-sweep-grace", "1s", "-log-level", "error")
		o.shops = append(o.shops, o.shop)
	}
	o.screenings = []string{o.addScreening(10_000_000, 0), o.addReviving(10_000_000, 0)}
	return o
}

// send makes one request to one of the processes.
func (o *hostileOffice) send(method, path, token, body string, header ...string) (response, error) {
	shop := o.shops[int(o.turn.Add(1))%len(o.shops)]
	return sendBy(o.client, shop, method, path, token, body, header...)
}

// newProvider serves a simulator with the secret of the tests, and returns it with the URL of its API.
func newProvider(t *testing.T, options simulator.Options) (*simulator.Simulator, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	options.Secret, options.Log = testWebhookSecret(), slog.New(slog.DiscardHandler)
	options.PublicURL = func() string { return server.URL }
	provider, err := simulator.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = provider.Handler()
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(provider.Close)
	return provider, server.URL + simulatorAPI
}

// numberFrom reads how long a test is from the environment.
func numberFrom(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

type ledgerJSON struct {
	Balanced   bool
	Currencies []struct {
		Currency                                       string
		Received, Applied, Refunded, Returning, Parked int64
		PaidOrders                                     int64 `json:"paid_orders"`
	}
}

func (o *hostileOffice) ledger() ledgerJSON {
	o.t.Helper()
	return decode[ledgerJSON](o.t, o.must("GET", "/v1/admin/ledger", bearer(o.t, "boss", "admin"), ""))
}

// settleMoney moves the clock until no money is on its way any more. What a provider has given up is sent anew, as an
// operator would.
func (o *hostileOffice) settleMoney(deliveries int64) {
	o.t.Helper()
	boss := bearer(o.t, "boss", "admin")
	o.within(5*testDeadline+time.Duration(deliveries)*time.Millisecond, "all money at rest", func() bool {
		o.clock.offset.Add(int64(10 * time.Minute))
		if n := o.provider.Totals().Counts.TooMuch; n > 0 { // which would never come to rest
			o.t.Fatalf("%d refunds were sent of more than what was left of their payments", n)
		}
		page := decode[struct{ Items []struct{ ID string } }](o.t, o.must("GET", "/v1/admin/refunds?state=needs_attention&limit=100", boss, ""))
		for _, refund := range page.Items {
			o.must("POST", "/v1/admin/refunds/"+refund.ID+"/retry", boss, `{"note":"again"}`)
		}
		time.Sleep(100 * time.Millisecond)
		open := 0
		o.read(o.orderDSN, &open, `SELECT (SELECT COUNT(*) FROM refunds WHERE state NOT IN ('done', 'settled'))
			+ (SELECT COUNT(*) FROM payment_attempts WHERE state NOT IN ('paid', 'closed'))
			+ (SELECT COUNT(*) FROM orders WHERE state = 'PENDING_PAYMENT') + (SELECT COUNT(*) FROM revivals)
			+ (SELECT COUNT(*) FROM payments WHERE result = 'parked' AND result <> 'applied')`)
		return open == 0 && o.provider.Totals().Waiting == 0
	})
}

// A provider sends callbacks twice, late, in the wrong order, or not at all, with forged ones between; its payers pay
// twice, late, and wrong amounts; its API loses answers, and its refunds fail. Buyers start late and change their minds, and
// the office gives back parts and whole orders, in two processes. Whatever happens, no forged callback is taken, no money
// moves twice, and each cent that came in has ended as a ticket or gone back.
func TestHostileProvider(t *testing.T) {
	slow(t)
	goal := int64(numberFrom(t, "BOXOFFICE_TEST_DELIVERIES", hostileDeliveries))
	seed := uint64(numberFrom(t, "BOXOFFICE_TEST_SEED", 1))
	o := newHostileOffice(t, seed, goal)
	began := time.Now()
	delivered := func() int64 {
		counts := o.provider.Totals().Counts
		return counts.Posts + counts.ForgedSent
	}
	buyers := fewBuyers
	if goal > manyDeliveries {
		buyers = manyBuyers
	}
	var sale sync.WaitGroup
	for n := range buyers {
		b := &hostileBuyer{hostileOffice: o, name: fmt.Sprintf("buyer-%d", n), random: rand.New(rand.NewPCG(seed, uint64(n)))}
		sale.Go(func() {
			for delivered() < goal {
				if err := b.goOn(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	sale.Wait()
	o.eventually("the last payment window ends", func() bool {
		pending := 0
		o.read(o.orderDSN, &pending, `SELECT COUNT(*) FROM orders WHERE state = 'PENDING_PAYMENT'`)
		return pending == 0
	})
	o.settleMoney(goal)

	books := o.provider.Books()
	if books.Counts.ForgedAccepted != 0 || books.Counts.ForgedSent == 0 {
		t.Errorf("of %d forged callbacks %d were taken", books.Counts.ForgedSent, books.Counts.ForgedAccepted)
	}
	ledger := o.ledger()
	if !ledger.Balanced || len(ledger.Currencies) == 0 {
		t.Errorf("ledger %+v", ledger)
	}
	for _, l := range ledger.Currencies {
		if l.Received != books.Taken[l.Currency] || l.Refunded != books.SentBack[l.Currency] || l.Received != l.Applied+l.Refunded {
			t.Errorf("%+v; the provider took %d and sent %d back", l, books.Taken[l.Currency], books.SentBack[l.Currency])
		}
	}
	doubles := o.doubleEffects(books)
	for _, double := range doubles[:min(len(doubles), 20)] {
		t.Error(double)
	}
	o.eventuallySettled(ledger)
	t.Logf("seed %d: %d deliveries in %v, %d of them forged and %d of those taken, %d double effects, %v: %+v; ledger %+v", seed, delivered(),
		time.Since(began).Round(time.Second), books.Counts.ForgedSent, books.Counts.ForgedAccepted, len(doubles), o.met(goal), books.Counts, ledger)
	o.wantDoctorCalm()
}

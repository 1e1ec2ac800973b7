//go:build !race

package app

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"boxoffice/simulator"
)

// hostileDeliveries is how many callbacks TestHostileProvider waits for; BOXOFFICE_TEST_DELIVERIES sets another number,
// such as a million.
const hostileDeliveries = 1500

// hostileOffice is an office whose payment provider misbehaves.
type hostileOffice struct {
	*officeTest
	provider  *simulator.Simulator
	screening string
}

func newHostileOffice(t *testing.T) *hostileOffice {
	t.Helper()
	faults := simulator.Hostile()
	faults.AutoPay, faults.AutoPayWithin, faults.MaxDelay = 0.9, 500*time.Millisecond, 300*time.Millisecond
	clock := &testClock{}
	provider, url := newProvider(t, simulator.Options{Seed: 1, Faults: faults, Now: clock.Now, FirstPause: 100 * time.Millisecond})
	h := newHome(t)
	o := &officeTest{home: h, t: t, clock: clock, env: h.environment()}
	o.env["BOXOFFICE_PAYMENT_URL"] = url
	o.start("-pay-window", "4s", "-pay-lease", "2s", "-pay-grace", "2s", "-sweep-grace", "1s", "-log-level", "error")
	return &hostileOffice{o, provider, o.addScreening(10_000_000, 0)}
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

// buyAndPay buys a ticket and starts its payment, for as long as the provider lets it. Some buyers change their minds.
func (o *hostileOffice) buyAndPay(random *rand.Rand, buyer string) error {
	token := bearer(o.t, buyer, "buyer")
	id, err := o.buyAgainWhileBusy(token, buyer)
	if err != nil {
		return fmt.Errorf("buy: %w", err)
	}
	order := "/v1/orders/" + id
	for range 5 {
		r, err := o.send("POST", order+"/payments", token, `{"provider":"webhook","return_url":"https://shop.example/"}`)
		switch {
		case err != nil:
			return err
		case r.status == http.StatusServiceUnavailable:
			continue
		case r.status >= http.StatusInternalServerError:
			return fmt.Errorf("start payment: %d %s", r.status, r.body)
		}
		break
	}
	if random.IntN(10) == 0 {
		if r, err := o.send("POST", order+"/cancel", token, ""); err != nil || r.status >= http.StatusInternalServerError {
			return fmt.Errorf("cancel: %w, %d %s", err, r.status, r.body)
		}
	}
	if random.IntN(20) == 0 {
		r, err := o.send("POST", "/v1/admin/orders/"+id+"/cancel", bearer(o.t, "boss", "admin"), `{"note":"the projector"}`)
		if err != nil || r.status != http.StatusOK && r.code() != "not_paid" && r.code() != "not_found" {
			return fmt.Errorf("cancel for the office: %w, %d %s", err, r.status, r.body)
		}
	}
	return nil
}

// buyAgainWhileBusy sends the same purchase until it is not answered with 503, as a shop that is told to send it again.
func (o *hostileOffice) buyAgainWhileBusy(token, key string) (orderID string, err error) {
	deadline := time.Now().Add(testDeadline)
	for {
		r, err := o.send("POST", "/v1/screenings/"+o.screening+"/orders", token, `{"quantity":1}`, "Idempotency-Key", key)
		switch {
		case err != nil:
			return "", err
		case r.status == http.StatusAccepted:
			return decode[orderJSON](o.t, r).ID, nil
		case r.status != http.StatusServiceUnavailable || time.Now().After(deadline):
			return "", fmt.Errorf("%d %s", r.status, r.body)
		}
		time.Sleep(10 * time.Millisecond)
	}
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
		page := decode[struct{ Items []struct{ ID string } }](o.t, o.must("GET", "/v1/admin/refunds?state=needs_attention&limit=100", boss, ""))
		for _, refund := range page.Items {
			o.must("POST", "/v1/admin/refunds/"+refund.ID+"/retry", boss, `{"note":"again"}`)
		}
		time.Sleep(100 * time.Millisecond)
		open := 0
		o.read(o.orderDSN, &open, `SELECT (SELECT COUNT(*) FROM refunds WHERE state NOT IN ('done', 'settled'))
			+ (SELECT COUNT(*) FROM payment_attempts WHERE state NOT IN ('paid', 'closed'))
			+ (SELECT COUNT(*) FROM orders WHERE state = 'PENDING_PAYMENT')`)
		return open == 0 && o.provider.Totals().Waiting == 0
	})
}

// A provider sends callbacks twice, late, in the wrong order, or not at all, with forged ones between; its payers pay
// twice, late, and wrong amounts; its API loses answers, and its refunds fail. Whatever it does, no forged callback is
// taken, no money moves twice, and each cent that came in has ended as a ticket or gone back.
func TestHostileProvider(t *testing.T) {
	slow(t)
	goal := int64(numberFrom(t, "BOXOFFICE_TEST_DELIVERIES", hostileDeliveries))
	o := newHostileOffice(t)
	delivered := func() int64 {
		counts := o.provider.Totals().Counts
		return counts.Posts + counts.ForgedSent
	}
	var buyers sync.WaitGroup
	for n := range 8 {
		buyers.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(n)))
			for i := 0; delivered() < goal; i++ {
				if err := o.buyAndPay(random, fmt.Sprintf("buyer-%d-%d", n, i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	buyers.Wait()
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
	for key, refund := range books.Refunds {
		if refund.Moved > 1 {
			t.Errorf("refund %s moved money %d times", key, refund.Moved)
		}
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
	o.eventuallySettled(ledger)
	t.Logf("%d deliveries, %d of them forged: %+v; ledger %+v", delivered(), books.Counts.ForgedSent, books.Counts, ledger)
	o.wantDoctorCalm()
}

// eventuallySettled waits for the tickets to follow the money: as many are sold as are paid for.
func (o *hostileOffice) eventuallySettled(ledger ledgerJSON) {
	o.t.Helper()
	paid := int64(0)
	for _, l := range ledger.Currencies {
		paid += l.PaidOrders
	}
	o.eventually("tickets follow the money", func() bool {
		var sold, reserved int64
		o.read(o.stockDSN, &sold, `SELECT SUM(sold) FROM stock`)
		o.read(o.stockDSN, &reserved, `SELECT SUM(reserved) FROM stock`)
		return sold*4900 == paid && reserved == 0
	})
}

func (o *hostileOffice) wantDoctorCalm() {
	o.t.Helper()
	if err := runDoctor(o.t.Context(), o.callAhead(2*time.Minute, io.Discard)); err != nil {
		o.t.Errorf("doctor: %v", err)
	}
}

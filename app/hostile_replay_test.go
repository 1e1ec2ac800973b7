//go:build !race

package app

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"boxoffice/simulator"
)

// The hostile provider's dice were drawn by the ids that the office gives, so that a seed replayed nothing. Two offices, whose
// buyers buy at once and in another order each time, meet the same payers: each purchase is paid as it was in the first run.
func TestSeedReplaysWhatAnOfficeMeets(t *testing.T) {
	first, second := payersOf(t, 4), payersOf(t, 4)
	if !maps.Equal(first, second) {
		t.Errorf("the same seed paid\n%v\nand\n%v", first, second)
	}
	if other := payersOf(t, 5); maps.Equal(first, other) {
		t.Error("another seed paid the same")
	}
}

// payersOf has buyers start the payments of some purchases each, and returns by buyer and number what their payers have paid.
func payersOf(t *testing.T, seed uint64) map[string]string {
	t.Helper()
	const buyers, each = 4, 6
	faults := simulator.Hostile()
	faults.AutoPay, faults.OddPay, faults.Away, faults.SlowAnswer = 0.8, 0.7, 0, 0
	faults.AutoPayWithin, faults.MaxDelay = 100*time.Millisecond, 100*time.Millisecond
	provider, url := newProvider(t, simulator.Options{Seed: seed, Faults: faults, FirstPause: 10 * time.Millisecond})
	o := &hostileOffice{officeTest: &officeTest{home: newHome(t), t: t, clock: &testClock{}}, provider: provider, client: &http.Client{}}
	o.env = o.environment()
	o.env["BOXOFFICE_PAYMENT_URL"] = url
	o.start("-log-level", "error")
	o.shops, o.screenings = []string{o.shop}, []string{o.addScreening(buyers*each, 0)}
	purchases := make([]map[string]string, buyers) // by order: its buyer and number
	var sale sync.WaitGroup
	for n := range buyers {
		b := &hostileBuyer{hostileOffice: o, name: fmt.Sprintf("buyer-%d", n), random: rand.New(rand.NewPCG(seed, uint64(n)))}
		purchases[n] = map[string]string{}
		sale.Go(func() {
			for range each {
				id, err := b.buyWhileBusy()
				if err == nil {
					err = b.startPayment(purchase{id, b.bought})
				}
				if err != nil {
					t.Error(err)
					return
				}
				purchases[n][id] = fmt.Sprint(b.name, " ", b.bought)
			}
		})
	}
	sale.Wait()
	o.eventually("all payers have come", func() bool { return provider.Totals().Waiting == 0 })
	paid := map[string]string{}
	for _, attempt := range provider.Books().Attempts {
		for _, all := range purchases {
			if name, mine := all[attempt.OrderID]; mine {
				for _, p := range attempt.Payments {
					paid[name] += fmt.Sprintf("%d %s ", p.Amount, p.Currency)
				}
			}
		}
	}
	if len(paid) < buyers*each/3 {
		t.Errorf("of %d purchases %d were paid", buyers*each, len(paid))
	}
	o.stop()
	return paid
}

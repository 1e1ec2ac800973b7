//go:build !race

package app

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/common/db/dbtest"
)

// Payments of which their provider said nothing were named by the doctor alone, whom nobody asks at night.
func TestGaugeOfUnansweredPayments(t *testing.T) {
	o := newLateOffice(t)
	now := o.clock.Now()
	dbtest.Exec(t, o.orderDB, `INSERT INTO payment_attempts (id, order_id, provider, amount, currency, state, return_url, expires_at, next_at,
		created_at, changed_at) VALUES ('a', 'o', 'strict', 5, 'CNY', 'starting', '', ?, ?, ?, ?)`,
		now.UnixMilli(), now.Add(4*time.Hour).UnixMilli(), now.UnixMilli(), now.UnixMilli())
	for _, want := range []float64{0, 1} {
		registry := prometheus.NewPedanticRegistry()
		if err := registry.Register(newOrderGauges(o.orders, o.payments, o.orderDB, o.clock.Now)); err != nil {
			t.Fatal(err)
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := -1.0
		for _, family := range families {
			if family.GetName() == "boxoffice_payments_unanswered" {
				got = family.GetMetric()[0].GetGauge().GetValue()
			}
		}
		if got != want {
			t.Errorf("at %s: %v payments, want %v", o.clock.Now(), got, want)
		}
		o.clock.Advance(3 * time.Hour)
	}
}

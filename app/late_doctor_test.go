package app

import (
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/doctor"
	"boxoffice/order"
	"boxoffice/stock"
)

// An order was unpaid for long when its tickets were taken again. For a minute the answer is on its way, and the doctor lets
// it pass; then it names what waits, until the answer comes.
func TestDoctorLetsARevivalPassForAMinute(t *testing.T) {
	o := newLateOffice(t)
	o.clock.Advance(time.Hour)
	now := o.clock.Now()
	screening, err := o.stock.AddScreening(t.Context(), stock.Screening{
		Movie: "Metropolis", Venue: "Rex", StartsAt: now.Add(72 * time.Hour), Capacity: 2, LatePayment: event.LateRevive,
		Price: event.Money{Amount: 4900, Currency: "CNY"}, SaleOpensAt: now, SaleClosesAt: now.Add(48 * time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &lateRun{lateOffice: o, screening: screening.ID}
	bought, _ := l.reserve(0, 2)
	deliverNew := func() {
		t.Helper()
		for _, m := range o.messages(l.first) {
			l.first++
			if err := o.deliver(m); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantTroubles := func(want ...doctor.Kind) {
		t.Helper()
		r, err := doctor.Examine(t.Context(), doctor.Office{Stock: o.stock, Orders: o.orders, Payments: o.payments, Now: o.clock.Now})
		if err != nil || r.Total() != len(want) {
			t.Errorf("the doctor found %+v, %v, want %v", r.Troubles, err, want)
			return
		}
		for _, kind := range want {
			if r.Counts[kind] != 1 {
				t.Errorf("the doctor found %+v, want %v", r.Troubles, want)
			}
		}
	}
	if err := o.orders.Create(t.Context(), event.Reserved{Orders: []event.Order{bought}}); err != nil {
		t.Fatal(err)
	}
	o.clock.Advance(time.Minute)
	deliverNew() // payment-due
	deliverNew() // order-settled
	o.clock.Advance(time.Hour)
	if _, err := o.orders.Pay(t.Context(), order.Payment{ID: "late", OrderID: bought.ID, Amount: bought.Amount, WebhookID: "msg"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.orders.WantTickets(t.Context()); err != nil {
		t.Fatal(err)
	}
	deliverNew() // tickets-wanted
	wantTroubles()
	o.clock.Advance(2 * time.Minute)
	wantTroubles(doctor.LatePayment, doctor.UnsettledOrder)
	deliverNew() // stock-reserved
	wantTroubles()
	deliverNew() // order-settled
	o.clock.Advance(2 * time.Minute)
	wantTroubles()
}

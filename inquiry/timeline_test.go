package inquiry

import (
	"slices"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
)

// The timeline of an order that was paid at once went on to say that unpaid orders are cancelled, later; and again when the office
// cancelled it after its deadline.
func TestDeadlineIsToldWhileItCounts(t *testing.T) {
	now := time.Date(2026, 12, 2, 18, 0, 0, 0, time.UTC)
	due := now.Add(10 * time.Minute)
	price := event.Money{Amount: 7000, Currency: "CNY"}
	for name, c := range map[string]struct {
		settled time.Time
		paid    time.Time // of an order that the office has cancelled
		told    bool
	}{
		"pending":                                {told: true},
		"paid before":                            {settled: now},
		"cancelled at its deadline":              {settled: due, told: true},
		"cancelled after its waiting":            {settled: due.Add(time.Minute), told: true},
		"paid before, cancelled later":           {settled: due.Add(time.Hour), paid: now.Add(time.Minute)},
		"paid after its waiting, cancelled then": {settled: due.Add(time.Hour), paid: due.Add(time.Minute), told: true},
	} {
		d := Dossier{Order: &order.Details{
			Order:      order.Order{Order: event.Order{Amount: price, CreatedAt: now.UnixMilli(), ExpiresAt: due.UnixMilli()}},
			RecordedAt: now, SettledAt: c.settled,
		}}
		if !c.paid.IsZero() {
			d.Order.State, d.Order.CancelReason = order.Cancelled, order.CancelByOffice
			d.Payments = []order.Received{{Payment: order.Payment{ID: "p", Amount: price}, Result: order.RefundDue, ReceivedAt: c.paid}}
		}
		line := timeline{now: now}
		line.order(d)
		told := slices.ContainsFunc(line.entries, func(e Entry) bool { return e.What == PaymentDue })
		if told != c.told {
			t.Errorf("%s: the deadline is told: %v, want %v", name, told, c.told)
		}
	}
}

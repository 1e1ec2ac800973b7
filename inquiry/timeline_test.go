package inquiry

import (
	"slices"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
)

// The timeline of an order that was paid at once went on to say that unpaid orders are cancelled, later.
func TestDeadlineIsToldWhileItCounts(t *testing.T) {
	now := time.Date(2026, 12, 2, 18, 0, 0, 0, time.UTC)
	due := now.Add(10 * time.Minute)
	for name, c := range map[string]struct {
		settled time.Time
		told    bool
	}{
		"pending":                     {told: true},
		"paid before":                 {settled: now},
		"cancelled at its deadline":   {settled: due, told: true},
		"cancelled after its waiting": {settled: due.Add(time.Minute), told: true},
	} {
		line := timeline{now: now}
		line.order(&order.Details{
			Order:      order.Order{Order: event.Order{CreatedAt: now.UnixMilli(), ExpiresAt: due.UnixMilli()}},
			RecordedAt: now, SettledAt: c.settled,
		})
		told := slices.ContainsFunc(line.entries, func(e Entry) bool { return e.What == PaymentDue })
		if told != c.told {
			t.Errorf("%s: the deadline is told: %v, want %v", name, told, c.told)
		}
	}
}

package order

import (
	"maps"
	"slices"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// Rows are read of the orders alone that are not as they were seen, whatever they were seen as.
func TestFindChanged(t *testing.T) {
	f := newFixture(t)
	var orders []event.Order
	for range 2*db.InMax + 10 { // several statements
		orders = append(orders, f.reserve(time.Hour))
	}
	insert(t, f.db, orders)
	var seen []Seen
	for _, o := range orders {
		seen = append(seen, Seen{ID: o.ID, State: PendingPayment})
	}
	seen = append(seen, Seen{ID: "gone", State: Paid})
	wantChanged := func(want ...string) {
		t.Helper()
		changed, err := f.orders.FindChanged(t.Context(), seen)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(changed)); !slices.Equal(got, want) {
			t.Errorf("changed are %q, want %q", got, want)
		}
		for i := range seen {
			if o, exists := changed[seen[i].ID]; exists {
				seen[i] = o.Seen()
			}
		}
	}
	change := func(statement, id string) {
		t.Helper()
		if err := f.db.InTx(t.Context(), func(tx *db.Tx) error { return tx.ExecGuarded(t.Context(), 1, statement, id) }); err != nil {
			t.Fatal(err)
		}
	}
	wantChanged()
	paid, cancelled, held := orders[3].ID, orders[db.InMax].ID, orders[2*db.InMax+1].ID
	change(`UPDATE orders SET state = 'PAID', settled_at = 1 WHERE id = ?`, paid)
	change(`UPDATE orders SET state = 'CANCELLED', cancel_reason = 'buyer', settled_at = 1 WHERE id = ?`, cancelled)
	change(`UPDATE orders SET extended = 1, expires_at = expires_at + 1 WHERE id = ?`, held)
	wantChanged(paid, cancelled, held)
	wantChanged()
	change(`UPDATE orders SET ask_until = 7 WHERE id = ?`, held)
	wantChanged()
	change(`UPDATE orders SET state = 'CANCELLED', cancel_reason = 'office' WHERE id = ?`, paid)
	change(`UPDATE orders SET state = 'PAID', settled_at = 1 WHERE id = ?`, held)
	wantChanged(paid, held)
}

// What a look at ten thousand watched orders costs, of which none has changed.
func BenchmarkFindChanged(b *testing.B) {
	const watched, each = 10_000, 20 // of so many orders
	f := newFixture(b)
	var orders []event.Order
	var seen []Seen
	for n := range watched * each {
		orders = append(orders, f.reserve(time.Hour))
		if n%each == 0 {
			seen = append(seen, Seen{ID: orders[n].ID, State: PendingPayment})
		}
	}
	insert(b, f.db, orders)
	for b.Loop() {
		if changed, err := f.orders.FindChanged(b.Context(), seen); err != nil || len(changed) > 0 {
			b.Fatal(len(changed), err)
		}
	}
}

func insert(t testing.TB, d *db.DB, orders []event.Order) {
	t.Helper()
	if err := d.InTx(t.Context(), func(tx *db.Tx) error { return insertOrders(t.Context(), tx, orders, 0) }); err != nil {
		t.Fatal(err)
	}
}

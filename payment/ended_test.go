package payment

import (
	"errors"
	"sync"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
)

// Each callback that paid an order had a commit of its own for the order's attempts, beside the shared one of its payment.
// Orders that end at once end in one transaction, and each of them does.
func TestOrdersThatEndAtOnceEndTogether(t *testing.T) {
	f := newFixture(t)
	orders := make([]event.Order, 50)
	for i := range orders {
		orders[i] = f.create(time.Hour)
		f.start(orders[i])
	}
	soon := func() (n int) {
		t.Helper()
		const query = `SELECT COUNT(*) FROM payment_attempts WHERE next_at <= ?`
		if err := f.db.Reader().GetContext(t.Context(), &n, query, f.now().UnixMilli()); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := soon(); n != 0 {
		t.Fatalf("%d attempts are due", n)
	}
	var ending sync.WaitGroup
	for _, o := range orders {
		ending.Go(func() {
			if err := f.payments.OrderEnded(t.Context(), o.ID); err != nil {
				t.Error(err)
			}
		})
	}
	ending.Wait()
	if n := soon(); n != len(orders) {
		t.Errorf("%d attempts are due, want %d", n, len(orders))
	}
	f.payments.Close()
	if err := f.payments.OrderEnded(t.Context(), orders[0].ID); !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("after the end: %v", err)
	}
}

package tickets

import (
	"slices"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
)

// history reads what happened to an order's tickets.
func (f *fixture) history(id string) History {
	f.t.Helper()
	h, err := f.HistoryOf(f.t.Context(), id, testScreeningID)
	if err != nil {
		f.t.Fatal(err)
	}
	return h
}

// Whoever asks why somebody stands before a closed door is told by which process his tickets were made, when and by which one
// he came in already, and when they became void: a row said no more than how it stands.
func TestHistoryTellsWhenAndByWhichProcess(t *testing.T) {
	f := newFixture(t)
	f.Process = "shop, pid 7"
	if h := f.history(testOrderID); !h.Made.IsZero() || h.IsVoid || h.Entries != nil {
		t.Errorf("before: %+v", h)
	}
	made := f.Now()
	found := f.pay(testOrderID, 2)
	f.ms.Add(1000)
	gate := f.process(1)
	gate.Process = "gate, pid 8"
	if _, err := gate.CheckIn(t.Context(), entry(found[1].Code, "k")); err != nil {
		t.Fatal(err)
	}
	used := f.Now()
	f.ms.Add(1000)
	f.Process = "shop, pid 9"
	f.orders.set(testOrderID, 2, order.Cancelled, order.CancelByOffice)
	f.settle(event.Returned, testOrderID)
	voided := f.Now()
	h := f.history(testOrderID)
	in := []PastEntry{{2, 2, used, "North", "sam", "gate, pid 8"}}
	if !h.Made.Equal(made) || h.MadeBy != "shop, pid 7" || !h.IsVoid || !h.Voided.Equal(voided) || h.VoidedBy != "shop, pid 9" ||
		!slices.Equal(h.Entries, in) {
		t.Errorf("%+v, want made %v, in %+v, void %v", h, made, in, voided)
	}
	if _, err := f.deleteOrders(t.Context(), []string{testOrderID}); err != nil { // into the archive
		t.Fatal(err)
	}
	in[0].Process = ""
	if h := f.history(testOrderID); !h.Made.IsZero() || !slices.Equal(h.Entries, in) {
		t.Errorf("archived: %+v, want in %+v", h, in)
	}
	never := testOrderID[:25] + "9"
	f.orders.set(never, 1, order.Cancelled, order.CancelByOffice)
	f.ms.Add(time.Second.Milliseconds())
	f.settle(event.Returned, never)
	if h := f.history(never); !h.Made.IsZero() || !h.IsVoid || !h.Voided.Equal(f.Now()) || h.VoidedBy != "shop, pid 9" {
		t.Errorf("returned before it had tickets: %+v", h)
	}
}

package order

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"
)

// An order that is not final stays, and so does all that was to be deleted with it.
func TestPendingOrderIsNotDropped(t *testing.T) {
	f := newFixture(t)
	pending, paid := f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(pending, paid)
	f.pay(f.payment(paid), Applied)
	records, err := f.orders.Records(t.Context(), pending.ID, paid.ID)
	if err != nil || len(records) != 2 || len(records[paid.ID].Payments) != 1 {
		t.Fatalf("records %+v, %v", records, err)
	}
	list := slices.Collect(maps.Values(records))
	if err := f.orders.DropRecords(t.Context(), list); !errors.Is(err, errOrderOpen) {
		t.Errorf("drop: %v, want errOrderOpen", err)
	}
	if left, err := f.orders.Records(t.Context(), pending.ID, paid.ID); err != nil || len(left) != 2 || len(left[paid.ID].Payments) != 1 {
		t.Errorf("left %+v, %v, want all", left, err)
	}
}

package order

import (
	"strings"
	"testing"
	"time"
)

// On MySQL utf8mb4_bin pads with spaces: the order of "id " was that of "id". Identifiers are what they are, byte by byte.
func TestIdentifiersAreComparedByteByByte(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	for _, other := range []string{o.ID + " ", " " + o.ID, o.ID + "\x00"} {
		found, err := f.orders.Find(t.Context(), other)
		if err != nil || len(found) != 0 {
			t.Errorf("%q finds %+v, %v", other, found, err)
		}
		records, err := f.orders.Records(t.Context(), other)
		if err != nil || len(records) != 0 {
			t.Errorf("%q has records %+v, %v", other, records, err)
		}
	}
	first, second := f.reserve(time.Hour), f.reserve(time.Hour)
	second.ID = strings.ToUpper(first.ID)
	f.create(first, second)
	p := f.payment(first)
	f.pay(p, Applied)
	if got := f.find(second.ID); got.State != PendingPayment {
		t.Errorf("the payment of %q made %q %s", first.ID, second.ID, got.State)
	}
	upper := f.payment(second)
	upper.ID = "PAY-1"
	lower := f.payment(second)
	lower.ID = "pay-1"
	f.pay(upper, Applied)
	f.pay(lower, RefundDue)
}

package order

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
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
	f.fence(1)
	if err := f.orders.DropRecords(t.Context(), paid.ScreeningID, 1, list); !errors.Is(err, errOrderPending) {
		t.Errorf("drop: %v, want errOrderPending", err)
	}
	if left, err := f.orders.Records(t.Context(), pending.ID, paid.ID); err != nil || len(left) != 2 || len(left[paid.ID].Payments) != 1 {
		t.Errorf("left %+v, %v, want all", left, err)
	}
}

func (f *fixture) fence(epoch int64) {
	f.t.Helper()
	if err := f.orders.FenceArchive(f.t.Context(), "s1", epoch); err != nil {
		f.t.Fatal(err)
	}
}

// archive takes final orders out, and returns what restores them.
func (f *fixture) archive(orders ...event.Order) []Record {
	f.t.Helper()
	var list []Record
	for _, o := range orders {
		records, err := f.orders.Records(f.t.Context(), o.ID)
		if err != nil {
			f.t.Fatal(err)
		}
		list = append(list, records[o.ID])
	}
	f.fence(1)
	if err := f.orders.DropRecords(f.t.Context(), "s1", 1, list); err != nil {
		f.t.Fatal(err)
	}
	return list
}

// Money came while an order was in the archive, under the id of the payment that had paid it: the same payment once more,
// or one for another order. Whatever it was, the order comes back paid, and no claim is lost.
func TestRestoreWithPaymentsThatCameMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		order  string // that the payment is for: archived, absent or pending
		dearer int64
		want   PaymentResult // while it is in the archive
		paid   bool          // by its payment, when it is back
		reused int64
	}{
		"the same once more":           {"archived", 0, Parked, true, 0},
		"another amount":               {"archived", 1, Parked, true, 1},
		"for an order yet to come":     {"absent", 0, Parked, true, 1},
		"paid another order":           {"pending", 0, Applied, false, 1},
		"another amount of that order": {"pending", 1, Mismatch, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			orders := map[string]event.Order{"archived": f.reserve(time.Hour), "absent": f.reserve(time.Hour), "pending": f.reserve(time.Hour)}
			archived := orders["archived"]
			f.create(archived, orders["pending"])
			first := f.payment(archived)
			f.pay(first, Applied)
			records := f.archive(archived)
			again := f.payment(orders[c.order])
			again.ID = first.ID
			again.Amount.Amount += c.dearer
			f.pay(again, c.want)

			for range 2 { // the second finds all of it there
				if err := f.orders.RestoreRecords(t.Context(), "s1", 1, records); err != nil {
					t.Fatal(err)
				}
			}
			f.wantState(archived.ID, Paid, "")
			back, err := f.orders.Records(t.Context(), archived.ID)
			if err != nil || c.paid != reflect.DeepEqual(back[archived.ID], records[0]) {
				t.Errorf("the order is %+v, %v, and was %+v", back[archived.ID], err, records[0])
			}
			if c.want == Mismatch {
				f.wantPayment(first.ID, Mismatch, WrongAmount) // its money is on its way back
			} else {
				f.wantPayment(first.ID, Applied, "")
			}
			if totals, err := f.orders.Totals(t.Context()); err != nil || totals.Reused != c.reused {
				t.Errorf("%d reused payment ids, %v, want %d", totals.Reused, err, c.reused)
			}
		})
	}
}

// An order of an archived id that is there with another fate is not written over, and is named.
func TestRestoreNamesAnOrderThatDiffers(t *testing.T) {
	f := newFixture(t)
	o, other := f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(o, other)
	f.cancel(o)
	f.cancel(other)
	records := f.archive(o, other)
	f.create(other) // its reservation was published once more
	if err := f.orders.RestoreRecords(t.Context(), "s1", 1, records); !errors.Is(err, errOrderDiffers) || !strings.Contains(err.Error(), other.ID) {
		t.Errorf("restore: %v, want errOrderDiffers of %s", err, other.ID)
	}
	if found, err := f.orders.Find(t.Context(), o.ID); err != nil || len(found) > 0 {
		t.Errorf("a part was restored: %+v, %v", found, err)
	}
}

// A worker that was taken for dead changes nothing from the moment at which another one has taken its place.
func TestLateArchiverIsFenced(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	f.cancel(o)
	wantFenced := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, ErrFenced) {
			t.Errorf("%s: %v, want ErrFenced", what, err)
		}
	}
	records, err := f.orders.Records(t.Context(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	list := []Record{records[o.ID]}
	wantFenced("drop before the fence", f.orders.DropRecords(t.Context(), "s1", 1, list))
	f.fence(2)
	wantFenced("older fence", f.orders.FenceArchive(t.Context(), "s1", 1))
	wantFenced("drop", f.orders.DropRecords(t.Context(), "s1", 1, list))
	f.wantState(o.ID, Cancelled, CancelByBuyer)
	if err := f.orders.DropRecords(t.Context(), "s1", 2, list); err != nil {
		t.Fatal(err)
	}
	f.fence(3)
	wantFenced("restore", f.orders.RestoreRecords(t.Context(), "s1", 2, list))
	if err := f.orders.RestoreRecords(t.Context(), "s1", 3, list); err != nil {
		t.Fatal(err)
	}
	f.wantState(o.ID, Cancelled, CancelByBuyer)
}

// An archive that knows another payment of an order than the database does is not the place where that one is kept.
func TestOnlyArchivedPaymentsAreDropped(t *testing.T) {
	f := newFixture(t)
	o, other := f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(o, other)
	first, others := f.payment(o), f.payment(other)
	f.pay(first, Applied)
	f.pay(others, Applied)
	f.fence(1)
	records, err := f.orders.Records(t.Context(), o.ID, other.ID)
	if err != nil {
		t.Fatal(err)
	}
	r := records[o.ID]
	own, foreign := r.Payments[0], records[other.ID].Payments[0]
	for _, payments := range [][]RecordedPayment{nil, {foreign}, {own, foreign}} {
		r.Payments = payments
		if err := f.orders.DropRecords(t.Context(), "s1", 1, []Record{r}); err == nil {
			t.Errorf("dropped with payments %+v", payments)
		}
		f.wantPayment(first.ID, Applied, "")
		f.wantPayment(others.ID, Applied, "")
	}
}

// A part of a payment went back while its order was on its way into the archive, and the archive stood still for ever. What
// the office does then is refused; a part that had gone back before the fence stays in the database with its payment.
func TestOfficeAndArchive(t *testing.T) {
	f := newFixture(t)
	paid, parted := f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(paid, parted)
	f.pay(f.payment(paid), Applied)
	partly := f.payment(parted)
	f.pay(partly, Applied)
	act := audit.Act{Actor: "me", Note: "why"}
	records, err := f.orders.Records(t.Context(), paid.ID, parted.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.orders.RefundPart(t.Context(), parted.ID, "key", 1, act); err != nil {
		t.Fatal(err)
	}
	f.fence(1)
	if _, err := f.orders.CancelPaid(t.Context(), paid.ID, act); !errors.Is(err, ErrArchived) {
		t.Errorf("cancel: %v", err)
	}
	if _, err := f.orders.RefundPart(t.Context(), paid.ID, "key", 1, act); !errors.Is(err, ErrArchived) {
		t.Errorf("refund a part: %v", err)
	}
	list := []Record{records[paid.ID], records[parted.ID]}
	if err := f.orders.DropRecords(t.Context(), "s1", 1, list); err != nil {
		t.Fatal(err)
	}
	f.wantPayment(partly.ID, Applied, ByOffice)
	if err := f.orders.RestoreRecords(t.Context(), "s1", 2, list); err != nil {
		t.Fatal(err)
	}
	if err := f.orders.EndRestore(t.Context(), "s1", 2); err != nil {
		t.Fatal(err)
	}
	if _, err := f.orders.CancelPaid(t.Context(), paid.ID, act); err != nil {
		t.Errorf("after the restore: %v", err)
	}
	f.wantInvariants()
}

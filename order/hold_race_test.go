package order

import (
	"context"
	"errors"
	"testing"
	"time"

	"boxoffice/common/db"
)

// A deadline moved while its order was being cancelled: the cancellation had read the old deadline and was guarded by the
// state alone. Its buyer had been told of five more minutes, and his money went back. A transaction of SQLite has the database
// for itself, so the two meet only elsewhere.
func TestOrderWhoseDeadlineHasJustMovedIsKept(t *testing.T) {
	f := newFixture(t)
	if f.db.Name() == "sqlite" {
		t.Skip("needs a database in which two transactions can be open")
	}
	for name, hold := range map[string]Hold{
		"deadline": {Deadline: time.Hour.Milliseconds(), AskUntil: time.Hour.Milliseconds()},
		"asked":    {AskUntil: time.Hour.Milliseconds()},
	} {
		t.Run(name, func(t *testing.T) {
			o := f.reserve(time.Minute)
			f.create(o)
			f.clock.advance(time.Minute - time.Millisecond)
			isHeld := false
			whenHeld := func(read Order, now int64) CancelReason {
				if !isHeld { // after the row was read as due, and before it is changed
					isHeld = true
					f.clock.advance(-time.Millisecond)
					if _, err := f.orders.HoldForPayment(t.Context(), o, Hold{
						Deadline: o.ExpiresAt + hold.Deadline, AskUntil: o.ExpiresAt + hold.AskUntil,
					}); err != nil {
						t.Error(err)
					}
					f.clock.advance(time.Millisecond)
				}
				return whenExpired(read, now)
			}
			f.clock.advance(time.Millisecond)
			if _, err := f.orders.advance(t.Context(), []string{o.ID}, nil, whenHeld); err != nil {
				t.Fatal(err)
			}
			f.wantState(o.ID, PendingPayment, "")
			if !isHeld {
				t.Error("the order was not held")
			}
		})
	}
}

// What a provider has said of an order's attempts says nothing of one that starts meanwhile: a time to ask that is not the one
// that was read is left alone.
func TestOrderThatIsHeldWhileItIsAskedForIsAskedForAgain(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Minute)
	f.create(o)
	hold := func(askUntil int64) {
		t.Helper()
		if _, err := f.orders.HoldForPayment(t.Context(), o, Hold{AskUntil: askUntil}); err != nil {
			t.Fatal(err)
		}
	}
	read := o.ExpiresAt + 25_000
	hold(read)
	hold(read + 1000)
	stop := func(read int64) {
		t.Helper()
		if err := f.orders.StopAsking(t.Context(), map[string]int64{o.ID: read, "nobody": read}); err != nil {
			t.Fatal(err)
		}
	}
	stop(read)
	if got := f.find(o.ID).AskUntil; got != read+1000 {
		t.Errorf("asked until %d, want %d", got, read+1000)
	}
	stop(read + 1000)
	if got := f.find(o.ID).AskUntil; got != 0 {
		t.Errorf("asked until %d, want no more", got)
	}
}

// The other way round: an order was cancelled after a payment had read it as pending, and before it was recorded. Then nothing
// is recorded, and no payer is sent anywhere.
func TestPaymentOfAnOrderThatIsJustCancelledIsNotRecorded(t *testing.T) {
	f := newFixture(t)
	if f.db.Name() == "sqlite" {
		t.Skip("needs a database in which two transactions can be open")
	}
	o := f.reserve(time.Minute)
	f.create(o)
	askUntil := o.ExpiresAt + 25_000
	if _, err := f.orders.HoldForPayment(t.Context(), o, Hold{AskUntil: askUntil}); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(time.Minute - time.Millisecond)
	cancel := func(context.Context, *db.Tx, Order) (bool, error) {
		f.clock.advance(time.Millisecond)
		if err := f.orders.StopAsking(t.Context(), map[string]int64{o.ID: askUntil}); err != nil {
			t.Error(err)
		}
		f.timeout(o.ID)
		return true, nil
	}
	if _, err := f.orders.HoldForPayment(t.Context(), o, Hold{AskUntil: askUntil, Record: cancel}); !errors.Is(err, ErrNotPayable) {
		t.Errorf("%v, want that the order is not payable", err)
	}
	f.wantState(o.ID, Cancelled, CancelUnpaid)
}

// A payment that is recorded changes its order, also when that has all the time that it can get; one that was there does not.
func TestRecordedPaymentChangesItsOrder(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Minute)
	f.create(o)
	for i, isNew := range []bool{true, true, false, true} {
		record := func(context.Context, *db.Tx, Order) (bool, error) { return isNew, nil }
		before := f.find(o.ID).AskUntil
		if _, err := f.orders.HoldForPayment(t.Context(), o, Hold{AskUntil: o.ExpiresAt, Record: record}); err != nil {
			t.Fatal(err)
		}
		if after := f.find(o.ID).AskUntil; (after != before) != isNew || after < o.ExpiresAt || after > o.ExpiresAt+int64(i) {
			t.Errorf("a payment that is new %t: asked until %d, before %d", isNew, after, before)
		}
	}
	failing := func(context.Context, *db.Tx, Order) (bool, error) { return true, errors.ErrUnsupported }
	before := f.find(o.ID)
	if _, err := f.orders.HoldForPayment(t.Context(), o, Hold{AskUntil: o.ExpiresAt, Record: failing}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v, want why it was not recorded", err)
	}
	if after := f.find(o.ID); after != before {
		t.Errorf("held as %+v without a payment", after)
	}
}

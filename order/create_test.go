package order

import (
	"errors"
	"slices"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

func TestCreateWakesPendingOrdersWithOneMessage(t *testing.T) {
	f := newFixture(t)
	a, b, c := f.reserve(15*time.Minute), f.reserve(15*time.Minute), f.reserve(15*time.Minute)
	f.create(a, b, c)
	for _, o := range []event.Order{a, b, c} {
		if got := f.find(o.ID); got.Order != o || got.State != PendingPayment || got.CancelReason != "" {
			t.Errorf("order is %+v, want %+v pending", got, o)
		}
	}
	due := f.dues()
	if len(due) != 1 || due[0].level != mq.LevelFor(10*time.Minute) || due[0].DueAt != a.ExpiresAt {
		t.Fatalf("sent %+v, want one payment-due at %d by the level of 10 min", due, a.ExpiresAt)
	}
	if want := sorted(a.ID, b.ID, c.ID); !slices.Equal(sorted(due[0].OrderIDs...), want) {
		t.Errorf("payment-due has %v, want %v", due[0].OrderIDs, want)
	}
	if settled := f.settledMessages(); len(settled) != 0 {
		t.Errorf("settled %v, want nothing", settled)
	}
}

func TestCreateAnswersByWhereTheOrderStands(t *testing.T) {
	f := newFixture(t)
	late, paid, cancelled, pending := f.reserve(0), f.reserve(time.Hour), f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(paid, cancelled, pending)
	f.pay(f.payment(paid), Applied)
	f.cancel(cancelled)
	f.drained(2)
	dues := len(f.dues())

	for range 2 { // the queue may deliver it twice
		f.create(late, paid, cancelled, pending, pending)
	}
	f.wantState(late.ID, Cancelled, CancelUnpaid)
	f.wantState(paid.ID, Paid, "")
	f.wantState(cancelled.ID, Cancelled, CancelByBuyer)
	f.wantState(pending.ID, PendingPayment, "")
	for _, due := range f.dues()[dues:] {
		if !slices.Equal(due.OrderIDs, []string{pending.ID}) {
			t.Errorf("payment-due for %v, want only the pending order", due.OrderIDs)
		}
	}
	count := map[event.SettledOrder]int{}
	for _, s := range f.settledMessages() {
		count[s]++
	}
	for o, want := range map[event.SettledOrder]int{
		{OrderID: late.ID, Outcome: event.Cancelled}:      2,
		{OrderID: paid.ID, Outcome: event.Paid}:           3,
		{OrderID: cancelled.ID, Outcome: event.Cancelled}: 3,
	} {
		if count[o] != want {
			t.Errorf("%v was published %d times, want %d", o, count[o], want)
		}
	}
}

// The sweeper sends an order again when it should have been settled; if that one is pending past its deadline, the
// delay message was lost and Create is what cancels it.
func TestCreateCancelsWhatIsDue(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Minute)
	f.create(o)
	f.clock.advance(time.Minute)
	f.create(o)
	f.wantState(o.ID, Cancelled, CancelUnpaid)
	f.wantSettled(event.SettledOrder{OrderID: o.ID, Outcome: event.Cancelled})
}

// An order that is committed but whose wake-up was not stored must be told to the queue as not handled, or nobody
// would cancel it in time.
func TestCreateFailsUntilItsMessagesAreStored(t *testing.T) {
	f := newFixture(t)
	pending, late := f.reserve(time.Hour), f.reserve(0)
	f.refuse.Store(true)
	if err := f.orders.Create(t.Context(), event.Reserved{Orders: []event.Order{pending, late}}); err == nil {
		t.Fatal("Create succeeded while the queue refused its messages")
	}
	f.wantState(pending.ID, PendingPayment, "")
	f.wantState(late.ID, Cancelled, CancelUnpaid)
	f.refuse.Store(false)
	f.create(pending, late)
	if due := f.dues(); len(due) != 1 || due[0].OrderIDs[0] != pending.ID {
		t.Errorf("sent %+v, want payment-due for %s", due, pending.ID)
	}
	f.wantSettled(event.SettledOrder{OrderID: late.ID, Outcome: event.Cancelled})
}

func TestNothingIsSentWhenTheDatabaseIsAway(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(0)
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.orders.Create(t.Context(), event.Reserved{Orders: []event.Order{o}}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Create: %v, want ErrUnavailable", err)
	}
	if err := f.orders.Timeout(t.Context(), event.Due{OrderIDs: []string{o.ID}}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Timeout: %v, want ErrUnavailable", err)
	}
	if _, err := f.orders.Pay(t.Context(), f.payment(o)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Pay: %v, want ErrUnavailable", err)
	}
	if _, err := f.orders.Cancel(t.Context(), o, true); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Cancel: %v, want ErrUnavailable", err)
	}
	if _, err := f.orders.Find(t.Context(), o.ID); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Find: %v, want ErrUnavailable", err)
	}
	if due, settled := f.dues(), f.settledMessages(); len(due)+len(settled) != 0 {
		t.Errorf("sent %v and %v, want nothing", due, settled)
	}
}

// A statement that can never succeed was called an outage: callers and consumers tried it again for ever.
func TestBrokenSchemaIsNoOutage(t *testing.T) {
	f := newFixture(t)
	if err := f.db.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `DROP TABLE payments`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.orders.Totals(t.Context()); err == nil || errors.Is(err, ErrUnavailable) {
		t.Errorf("Totals: %v, want an error for good", err)
	}
}

func TestImpossibleOrderIsRefusedBySchema(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	o.Quantity = 0
	err := f.orders.Create(t.Context(), event.Reserved{Orders: []event.Order{o}})
	if !f.db.IsConstraint(err) || errors.Is(err, ErrUnavailable) {
		t.Errorf("Create: %v, want the constraint's refusal, for good", err)
	}
}

// Two processes may handle the same message together: both read that the order is missing.
func TestConcurrentDeliveriesCreateOnce(t *testing.T) {
	f := newFixture(t)
	for range 20 {
		a, b := f.reserve(time.Hour), f.reserve(time.Hour)
		together(8, func(n int) {
			list := []event.Order{a, b}
			if n%2 == 1 {
				slices.Reverse(list)
			}
			if err := f.orders.Create(t.Context(), event.Reserved{Orders: list}); err != nil {
				t.Errorf("Create: %v", err)
			}
		})
		f.wantState(a.ID, PendingPayment, "")
		f.wantState(b.ID, PendingPayment, "")
	}
}

func TestFindReadsManyAndLeavesOutTheAbsent(t *testing.T) {
	f := newFixture(t)
	list := make([]event.Order, 2*db.InMax+1)
	ids := []string{"absent"}
	for i := range list {
		list[i] = f.reserve(time.Hour)
		ids = append(ids, list[i].ID)
	}
	f.create(list...)
	found, err := f.orders.Find(t.Context(), ids...)
	if err != nil || len(found) != len(list) {
		t.Fatalf("found %d, %v, want %d", len(found), err, len(list))
	}
	if found, err := f.orders.Find(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("Find of nothing: %v, %v", found, err)
	}
	for _, due := range f.dues() {
		if len(due.OrderIDs) > testBatch {
			t.Errorf("a message has %d orders, want at most %d", len(due.OrderIDs), testBatch)
		}
	}
}

// One payment for an order that nobody knows, as a callback for an archived one is, sent every new order the long way from
// then on.
func TestStrangersParkedPaymentKeepsTheFastPath(t *testing.T) {
	f := newFixture(t)
	f.pay(f.payment(f.reserve(time.Hour)), Parked)
	if _, err := f.orders.createNew(t.Context(), []event.Order{f.reserve(time.Hour)}); err != nil {
		t.Errorf("create: %v", err)
	}
	paid := f.reserve(time.Hour)
	f.pay(f.payment(paid), Parked)
	if _, err := f.orders.createNew(t.Context(), []event.Order{paid}); !errors.Is(err, errNotNew) {
		t.Errorf("create an order whose payment is parked: %v, want errNotNew", err)
	}
}

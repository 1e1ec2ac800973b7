package tickets

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/order"
)

// Fifty doors of two processes get one code at once: one opens, and the others say when and where it did.
func TestManyGatesAdmitOnce(t *testing.T) {
	f := newFixture(t)
	code := f.pay(testOrderID, 1)[0].Code
	processes := []*Tickets{f.Tickets, f.process(1)}
	var admitted atomic.Int32
	var gate atomic.Value
	var wait sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		e := entry(code, fmt.Sprint("key-", i))
		e.Gate = fmt.Sprint("gate-", i)
		wait.Go(func() {
			ticket, err := processes[i%2].CheckIn(t.Context(), e)
			if errs[i] = err; err == nil {
				admitted.Add(1)
				gate.Store(ticket.UsedGate)
				if ticket.UsedGate != e.Gate || ticket.State != Used {
					t.Errorf("admitted as %+v", ticket)
				}
			}
		})
	}
	wait.Wait()
	if admitted.Load() != 1 {
		t.Fatalf("%d gates opened", admitted.Load())
	}
	for _, err := range errs {
		if used, ok := errors.AsType[UsedError](err); err != nil && (!ok || used.Gate != gate.Load() || used.At.UnixMilli() != f.ms.Load()) {
			t.Errorf("another gate: %v", err)
		}
	}
	counts, err := f.Count(t.Context(), testScreeningID)
	if err != nil || counts != (Counts{Used: 1}) {
		t.Errorf("counts %+v, %v", counts, err)
	}
}

// A retry whose answer was lost is let in, also by another process; anybody else, and any other check-in, is not.
func TestRetriedCheckInHasTheSameAnswer(t *testing.T) {
	f := newFixture(t)
	code := f.pay(testOrderID, 1)[0].Code
	first, err := f.CheckIn(t.Context(), entry(code, "key"))
	if err != nil {
		t.Fatal(err)
	}
	f.ms.Add(time.Minute.Milliseconds())
	again, err := f.process(1).CheckIn(t.Context(), entry(code, "key"))
	if err != nil || again != first {
		t.Errorf("retry: %+v, %v; want %+v", again, err, first)
	}
	other := entry(code, "key")
	other.Staff = "kim"
	for what, e := range map[string]Entry{"another key": entry(code, "key 2"), "another's key": other} {
		if _, err := f.CheckIn(t.Context(), e); !errors.As(err, &UsedError{}) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCheckInRefuses(t *testing.T) {
	f := newFixture(t)
	tickets := f.pay(testOrderID, 2)
	elsewhere := entry(tickets[0].Code, "k")
	elsewhere.ScreeningID = "another"
	forged := f.Keys.sign(seat{testOrderID, testScreeningID, 3})           // of a seat that the order does not have
	unknown := f.Keys.sign(seat{"order-x", testScreeningID, 1})            // of an order that does not exist
	stranger := testKeys(t, 9).sign(seat{testOrderID, testScreeningID, 1}) // by another key
	for what, test := range map[string]struct {
		e    Entry
		want error
	}{
		"another screening": {elsewhere, ErrWrongScreening},
		"no such seat":      {entry(forged, "k"), ErrCodeInvalid},
		"no such order":     {entry(unknown, "k"), ErrCodeInvalid},
		"another key":       {entry(stranger, "k"), ErrCodeInvalid},
		"nonsense":          {entry("hello", "k"), ErrCodeInvalid},
	} {
		if _, err := f.CheckIn(t.Context(), test.e); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", what, err, test.want)
		}
	}
	if got := f.stored(testOrderID); got != "[valid valid]" {
		t.Errorf("tickets are %s", got)
	}
	anywhere := entry(tickets[0].Code, "k")
	anywhere.ScreeningID = ""
	if _, err := f.CheckIn(t.Context(), anywhere); err != nil {
		t.Errorf("a door of any screening: %v", err)
	}
}

// A used ticket that is returned later is void, and keeps when it was used.
func TestReturnAfterTheCheckIn(t *testing.T) {
	f := newFixture(t)
	tickets := f.pay(testOrderID, 2)
	if _, err := f.CheckIn(t.Context(), entry(tickets[0].Code, "k")); err != nil {
		t.Fatal(err)
	}
	f.orders.set(testOrderID, 2, order.Cancelled, order.CancelByOffice)
	found := f.of(testOrderID)
	if len(found) != 2 || found[0].State != Void || found[1].State != Void || found[0].UsedAt.IsZero() || !found[1].UsedAt.IsZero() {
		t.Errorf("tickets are %+v", found)
	}
	for _, ticket := range found {
		if _, err := f.CheckIn(t.Context(), entry(ticket.Code, "k")); !errors.Is(err, ErrVoid) {
			t.Errorf("check in: %v", err)
		}
	}
}

// A queue at the door does not stand still because the order service is away: what is known decides. Of what is not known
// nobody says that it is forged.
func TestCheckInWithoutTheOrderService(t *testing.T) {
	f := newFixture(t)
	code := f.pay(testOrderID, 1)[0].Code
	f.orders.set("order-b", 1, order.Paid, "")
	lost := f.Keys.sign(seat{"order-b", testScreeningID, 1})
	f.orders.change(func() { f.orders.err = order.ErrUnavailable })
	if _, err := f.CheckIn(t.Context(), entry(code, "k")); err != nil {
		t.Errorf("a ticket that is known: %v", err)
	}
	if _, err := f.CheckIn(t.Context(), entry(lost, "k")); !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("a ticket that is not known: %v", err)
	}
	if found := f.of(testOrderID); found[0].State != Used || found[0].Code != code {
		t.Errorf("what is known: %+v", found)
	}
	if _, err := f.OfOrder(t.Context(), "order-b"); !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("tickets that are not known: %v", err)
	}
}

// A tickets database from an older backup lacks tickets that were printed since: the door makes them again.
func TestPrintedTicketOutlivesALostDatabase(t *testing.T) {
	f := newFixture(t)
	code := f.pay(testOrderID, 1)[0].Code
	if err := f.db.InTx(t.Context(), func(tx *db.Tx) error {
		for _, table := range []string{"tickets", "ticket_orders"} {
			if _, err := tx.ExecContext(t.Context(), `DELETE FROM `+table); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.CheckIn(t.Context(), entry(code, "k")); err != nil {
		t.Errorf("check in: %v", err)
	}
}

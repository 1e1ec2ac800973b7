package order

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

func TestPaymentPaysItsOrderOnce(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	p := f.payment(o)
	f.pay(p, Applied)
	f.pay(p, Duplicate)
	again := p
	again.WebhookID = "another-delivery"
	f.pay(again, Duplicate)
	f.wantState(o.ID, Paid, "")
	f.wantPayment(p.ID, Applied, "")
	f.drained(1)
	f.wantSettled(event.SettledOrder{OrderID: o.ID, Outcome: event.Paid})
}

func TestSecondPaymentOfAnOrderGoesBack(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	first, second := f.payment(o), f.payment(o)
	f.pay(first, Applied)
	f.pay(second, RefundDue)
	f.pay(second, Duplicate)
	f.wantPayment(second.ID, RefundDue, AlreadyPaid)
}

func TestPaymentOfACancelledOrderGoesBack(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	f.cancel(o)
	p := f.payment(o)
	f.pay(p, RefundDue)
	f.pay(p, Duplicate)
	f.wantState(o.ID, Cancelled, CancelByBuyer)
	f.wantPayment(p.ID, RefundDue, OrderCancelled)
}

// The row decides, not the clock: money that comes before the cancellation is not turned away for being late.
func TestPaymentAfterTheDeadlineWinsWhileTheOrderIsPending(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Minute)
	f.create(o)
	f.clock.advance(time.Hour)
	f.pay(f.payment(o), Applied)
	f.timeout(o.ID)
	f.wantState(o.ID, Paid, "")
}

// A wrong amount was recorded and stayed where it was: now its money goes back.
func TestWrongAmountNeverPaysAndGoesBack(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	less, other := f.payment(o), f.payment(o)
	less.Amount.Amount--
	other.Amount.Currency = "USD"
	for _, p := range []Payment{less, other} {
		f.pay(p, Mismatch)
		f.pay(p, Duplicate)
		f.wantPayment(p.ID, Mismatch, WrongAmount)
	}
	f.wantState(o.ID, PendingPayment, "")
	f.pay(f.payment(o), Applied)
}

// A payment that came with the id of another one was answered and logged, and forgotten: money may have moved, and nobody
// could find it. Each claim is kept once, however often it comes.
func TestPaymentIDBelongsToOnePayment(t *testing.T) {
	f := newFixture(t)
	a, b := f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(a, b)
	p := f.payment(a)
	f.pay(p, Applied)
	other, dearer := f.payment(b), f.payment(a)
	other.ID, dearer.ID = p.ID, p.ID
	dearer.Amount.Amount++
	for range 2 {
		f.pay(other, Mismatch)
		f.clock.advance(time.Millisecond)
		f.pay(dearer, Mismatch)
	}
	f.wantState(b.ID, PendingPayment, "")
	f.wantPayment(p.ID, Applied, "")
	claims, err := f.orders.Reused(t.Context(), 10)
	if err != nil || len(claims) != 2 || claims[0].PaymentID != p.ID || claims[0].OrderID != b.ID || claims[1].Amount != dearer.Amount {
		t.Errorf("reused payment ids are %+v, %v, want that of order %s and the dearer one", claims, err, b.ID)
	}
	if totals, err := f.orders.Totals(t.Context()); err != nil || totals.Reused != 2 {
		t.Errorf("totals %+v, %v, want 2 reused", totals, err)
	}
}

func TestPaymentsOfOneListSeeEachOther(t *testing.T) {
	f := newFixture(t)
	o, absent := f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(o)
	first, second := f.payment(o), f.payment(o)
	reused := f.payment(absent)
	reused.ID = first.ID
	parked := f.payment(absent)
	results, err := f.orders.receive(t.Context(), []Payment{first, second, first, reused, parked, parked})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []PaymentResult{Applied, RefundDue, Duplicate, Mismatch, Parked, Duplicate} {
		if results[i] != want {
			t.Errorf("payment %d came to %s, want %s", i, results[i], want)
		}
	}
	f.wantPayment(second.ID, RefundDue, AlreadyPaid)
	f.wantPayment(parked.ID, Parked, "")
}

func TestConcurrentCopiesOfAPaymentApplyOnce(t *testing.T) {
	f := newFixture(t)
	for range 20 {
		o := f.reserve(time.Hour)
		f.create(o)
		p := f.payment(o)
		var mu sync.Mutex
		count := map[PaymentResult]int{}
		together(8, func(int) {
			result, err := f.orders.Pay(t.Context(), p)
			if err != nil {
				t.Errorf("Pay: %v", err)
			}
			mu.Lock()
			count[result]++
			mu.Unlock()
		})
		if count[Applied] != 1 || count[Duplicate] != 7 {
			t.Fatalf("results %v, want one applied and duplicates", count)
		}
	}
	f.wantInvariants()
}

func TestPaymentThatCannotBeRecordedIsRefused(t *testing.T) {
	f := newFixture(t)
	for name, spoil := range map[string]func(*Payment){
		"no id":            func(p *Payment) { p.ID = "" },
		"long id":          func(p *Payment) { p.ID = strings.Repeat("x", IDMax+1) },
		"space at the end": func(p *Payment) { p.ID += " " },
		"control":          func(p *Payment) { p.OrderID += "\x00" },
		"not ASCII":        func(p *Payment) { p.WebhookID += "\u00e9" },
		"long currency":    func(p *Payment) { p.Amount.Currency = "RENMINBIS" },
	} {
		p := f.payment(f.reserve(time.Hour))
		spoil(&p)
		if _, err := f.orders.Pay(t.Context(), p); !errors.Is(err, ErrInvalidPayment) {
			t.Errorf("%s: %v, want ErrInvalidPayment", name, err)
		}
	}
	p := f.payment(f.reserve(time.Hour))
	p.ID, p.WebhookID = strings.Repeat("x", IDMax), strings.Repeat("~", IDMax)
	f.pay(p, Parked)
}

// A callback that cannot be taken is told so at once, because the provider will come again; one that waits without end
// would time out there and hold memory here.
func TestFullQueueOfPaymentsAnswersBusy(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	locked, release := make(chan struct{}), make(chan struct{})
	var callers sync.WaitGroup
	callers.Go(func() {
		err := f.db.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.ExecContext(t.Context(), `UPDATE orders SET quantity = quantity WHERE id = ?`, o.ID); err != nil {
				return err
			}
			close(locked)
			<-release
			return nil
		})
		if err != nil {
			t.Errorf("hold the order: %v", err)
		}
	})
	<-locked
	results := make(chan error, 4*payQueue) // more than the queue and the lists in flight take
	for range cap(results) {
		callers.Go(func() {
			_, err := f.orders.Pay(t.Context(), f.payment(o))
			results <- err
		})
	}
	// While the order is held nobody is paid, so the first answer is a refusal.
	if err := <-results; !errors.Is(err, ErrBusy) {
		t.Errorf("Pay: %v, want ErrBusy", err)
	}
	close(release)
	callers.Wait()
	f.wantState(o.ID, Paid, "")
	f.wantInvariants()
}

func TestCloseAnswersWhatWasTaken(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	together(50, func(n int) {
		if n == 25 {
			f.orders.Close()
			return
		}
		if _, err := f.orders.Pay(t.Context(), f.payment(o)); err != nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("Pay: %v, want an answer or ErrUnavailable", err)
		}
	})
	f.orders.Close()
	if _, err := f.orders.Pay(t.Context(), f.payment(o)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Pay after Close: %v, want ErrUnavailable", err)
	}
	f.wantInvariants()
}

package payment

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/order"
)

// Two clicks, two tabs or two processes start one payment, and not two that can both be paid.
func TestSameOrderAndProviderIsTheSameAttempt(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	first := f.start(o)
	if first.Action.URL != "https://pay.example/"+first.ID || first.ExpiresAt.UnixMilli() != o.ExpiresAt {
		t.Errorf("opened %+v", first)
	}
	var starts sync.WaitGroup
	for range 8 {
		starts.Go(func() {
			if again, err := f.newService().Start(t.Context(), o, "fake", "https://shop.example/other"); err != nil ||
				again.ID != first.ID || again.Action.URL != first.Action.URL {
				t.Errorf("started %+v, %v, want %+v", again, err, first)
			}
		})
	}
	starts.Wait()
	other := f.create(time.Hour)
	for range 4 {
		starts.Go(func() {
			if _, err := f.newService().Start(t.Context(), other, "fake", "https://shop.example/"); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
	if n := len(f.provider.attempts); n != 2 {
		t.Errorf("the provider has %d attempts of two orders", n)
	}
}

// The row of an order can be seconds behind its reservation, and the buyer pays at once.
func TestPaymentStartsBeforeItsOrderExists(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.start(o)
	f.wantOrder(o.ID, order.PendingPayment, "")
}

func TestOrdersThatCannotBePaidStartNothing(t *testing.T) {
	f := newFixture(t)
	paid, cancelled, late := f.create(time.Hour), f.create(time.Hour), f.create(time.Minute)
	f.pay(paid, 9800)
	if _, err := f.orders.Cancel(t.Context(), cancelled, true); err != nil {
		t.Fatal(err)
	}
	f.advance(time.Minute)
	for id, c := range map[string]struct {
		err  error
		name string
	}{
		paid.ID: {order.ErrAlreadyPaid, "fake"}, cancelled.ID: {order.ErrNotPayable, "fake"}, late.ID: {order.ErrNotPayable, "fake"},
		"unknown": {ErrUnknownProvider, "nobody"},
	} {
		o := f.reserve(time.Hour)
		o.ID = id
		if _, err := f.payments.Start(t.Context(), o, c.name, ""); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", id, err, c.err)
		}
	}
	if n := f.provider.count("start"); n != 0 {
		t.Errorf("the provider was asked for %d payments", n)
	}
}

// A provider that is away loses nothing: the buyer tries again, also after a start whose answer was lost, and it is the
// same payment.
func TestProviderAwayAtTheStart(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.provider.set(func(p *fakeProvider) { p.fail["start"] = errAway })
	if _, err := f.payments.Start(t.Context(), o, "fake", ""); !errors.Is(err, ErrProviderAway) {
		t.Errorf("%v, want that the provider is away", err)
	}
	f.provider.set(func(p *fakeProvider) { p.fail["start"], p.cut["start"] = nil, true })
	if _, err := f.payments.Start(t.Context(), o, "fake", ""); !errors.Is(err, ErrProviderAway) {
		t.Errorf("%v, want that the provider is away", err)
	}
	f.provider.set(func(p *fakeProvider) { p.cut["start"] = false })
	f.start(o)
	if n := len(f.provider.attempts); n != 1 {
		t.Errorf("the provider has %d attempts of one order", n)
	}
	f.provider.set(func(p *fakeProvider) { p.fail["start"] = ErrRefused })
	if _, err := f.payments.Start(t.Context(), f.create(time.Hour), "fake", ""); !errors.Is(err, ErrRefused) || errors.Is(err, ErrProviderAway) {
		t.Errorf("%v, want that the provider refuses", err)
	}
}

// A payment that starts near the deadline gets time, once: in stock first, then in the order.
func TestDeadlineMovesOnceForAPayment(t *testing.T) {
	f := newFixture(t)
	o := f.create(6 * time.Minute)
	f.advance(5 * time.Minute)
	opened := f.start(o)
	want := f.now().Add(defaultLease)
	if !opened.ExpiresAt.Equal(want) || !f.stock.extended[o.ID].Equal(want) {
		t.Errorf("extended to %s, and in stock to %s, want %s", opened.ExpiresAt, f.stock.extended[o.ID], want)
	}
	f.advance(4 * time.Minute)
	if again := f.start(o); !again.ExpiresAt.Equal(want) || !f.stock.extended[o.ID].Equal(want) {
		t.Errorf("extended again, to %s, and in stock to %s", again.ExpiresAt, f.stock.extended[o.ID])
	}
	f.due(o)
	f.wantOrder(o.ID, order.PendingPayment, "")
	f.advance(time.Minute)
	f.due(o)
	f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)

	early := f.create(time.Hour)
	if opened := f.start(early); opened.ExpiresAt.UnixMilli() != early.ExpiresAt {
		t.Errorf("an order with an hour left was extended to %s", opened.ExpiresAt)
	}
	f.stock.err = order.ErrUnavailable
	last := f.create(time.Minute)
	if _, err := f.payments.Start(t.Context(), last, "fake", ""); !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("%v, want that stock is away", err)
	}
	if rows, err := f.orders.Find(t.Context(), last.ID); err != nil || rows[last.ID].ExpiresAt != last.ExpiresAt {
		t.Errorf("the order moved without its tickets: %+v, %v", rows[last.ID], err)
	}
}

// The callback of a payment was lost: the order was cancelled at its deadline, and its buyer had paid.
func TestProviderIsAskedBeforeAnOrderIsCancelled(t *testing.T) {
	f := newFixture(t)
	paid, unpaid := f.create(time.Hour), f.create(time.Hour)
	f.provider.payAttempt(f.start(paid).ID)
	opened := f.start(unpaid)
	f.advance(time.Hour)
	f.due(paid)
	f.due(unpaid)
	f.wantOrder(paid.ID, order.Paid, "")
	f.wantOrder(unpaid.ID, order.Cancelled, order.CancelUnpaid)
	if state := f.provider.attempts[opened.ID].State; state != Closed {
		t.Errorf("the attempt of a cancelled order is %s at its provider", state)
	}
	f.wantBalanced()
}

// A provider that is away delays a cancellation, for a bounded time: then the tickets go to others, and what comes later
// goes back.
func TestProviderAwayAtTheDeadline(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	opened := f.start(o)
	f.provider.set(func(p *fakeProvider) { p.fail["close"] = errAway })
	f.advance(time.Hour)
	f.due(o)
	f.wantOrder(o.ID, order.PendingPayment, "")
	f.advance(defaultAskGrace)
	f.due(o)
	f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
	f.provider.payAttempt(opened.ID)
	f.provider.set(func(p *fakeProvider) { p.fail["close"] = nil })
	f.advance(lastAskPause)
	f.work()
	f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
	f.wantRefund(refundDone)
	f.wantBalanced()
}

// A start without an answer may have opened a payment: at the deadline it is found out.
func TestAttemptThatNeverGotAnAnswerIsAskedFor(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.provider.set(func(p *fakeProvider) { p.cut["start"] = true })
	if _, err := f.payments.Start(t.Context(), o, "fake", ""); err == nil {
		t.Fatal("started without an answer")
	}
	f.provider.set(func(p *fakeProvider) { p.cut["start"] = false })
	for id := range f.provider.attempts {
		f.provider.payAttempt(id)
	}
	f.advance(time.Hour)
	f.due(o)
	f.wantOrder(o.ID, order.Paid, "")
}

// Callbacks get lost: open attempts are asked for with growing pauses, and no further than they are final.
func TestLostCallbackIsFound(t *testing.T) {
	f := newFixture(t)
	o := f.create(24 * time.Hour)
	opened := f.start(o)
	for range 8 {
		f.work()
		f.advance(firstAskPause)
	}
	if n := f.provider.count("query"); n < 2 || n > 4 {
		t.Errorf("asked %d times in 80 s, want pauses of 10, 20 and 40 s", n)
	}
	f.provider.payAttempt(opened.ID)
	f.advance(lastAskPause)
	f.work()
	f.wantOrder(o.ID, order.Paid, "")
	asked := f.provider.count("query") + f.provider.count("close")
	f.advance(24 * time.Hour)
	f.work()
	if n := f.provider.count("query") + f.provider.count("close"); n != asked {
		t.Error("a paid attempt is still asked for")
	}
}

// An order that is paid or cancelled leaves nothing open in which more money could come.
func TestAttemptsOfAFinalOrderAreClosed(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	opened := f.start(o)
	if _, err := f.orders.Cancel(t.Context(), o, true); err != nil {
		t.Fatal(err)
	}
	if err := f.payments.OrderEnded(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	f.work()
	if state := f.provider.attempts[opened.ID].State; state != Closed {
		t.Errorf("the attempt of a cancelled order is %s", state)
	}
}

// Of several workers one asks for an attempt.
func TestWorkersShareTheAttempts(t *testing.T) {
	f := newFixture(t)
	for range 10 {
		f.start(f.create(time.Hour))
	}
	f.advance(firstAskPause)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			if err := f.newService().Work(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	if n := f.provider.count("query"); n != 10 {
		t.Errorf("10 attempts were asked for %d times", n)
	}
}

func (f *fixture) callback(word string, report Report) (Taken, error) {
	f.t.Helper()
	body, err := json.Marshal(report)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.payments.Callback(f.t.Context(), "fake", http.Header{"Word": {word}}, body)
}

// A callback pays its order, and its attempt is asked for once more: a payer paid twice, the second callback was lost, and
// nobody ever learnt of that money. Forged ones do nothing.
func TestCallbackEndsTheAttempts(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	opened := f.start(o)
	f.provider.payAttempt(opened.ID)
	report := Report{ID: "evt-1", Payments: f.provider.attempts[opened.ID].Payments}
	if _, err := f.callback("guess", report); !errors.Is(err, ErrForged) {
		t.Errorf("%v, want forged", err)
	}
	f.wantOrder(o.ID, order.PendingPayment, "")
	if _, err := f.payments.Callback(t.Context(), "nobody", nil, nil); !errors.Is(err, ErrUnknownProvider) {
		t.Errorf("%v, want no such provider", err)
	}
	for _, want := range []order.PaymentResult{order.Applied, order.Duplicate} {
		taken, err := f.callback("open sesame", report)
		if err != nil || len(taken.Payments) != 1 || taken.Payments[0] != want {
			t.Errorf("%+v, %v, want %s", taken, err, want)
		}
	}
	f.wantOrder(o.ID, order.Paid, "")
	f.provider.payAttempt(opened.ID) // a second time, and its callback is lost
	f.work()
	f.wantRefund(refundDone)
	f.advance(time.Hour)
	f.work()
	if n := f.provider.count("query") + f.provider.count("close"); n != 1 {
		t.Errorf("a paid attempt was asked for %d times, want once", n)
	}
	f.wantBalanced()
}

// A buyer who has paid with one provider cannot pay once more in the window that another one has left open.
func TestOtherAttemptsOfAPaidOrderAreClosed(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	opened := f.start(o)
	left, err := f.payments.Start(t.Context(), o, "other", "https://shop.example/")
	if err != nil {
		t.Fatal(err)
	}
	f.provider.payAttempt(opened.ID)
	if _, err := f.callback("open sesame", Report{ID: "evt-1", Payments: f.provider.attempts[opened.ID].Payments}); err != nil {
		t.Fatal(err)
	}
	f.work()
	if state := f.other.attempts[left.ID].State; state != Closed {
		t.Errorf("the other attempt is %s", state)
	}
}

// The provider says that an attempt is over: the buyer may start another one.
func TestClosedAttemptIsFollowedByANewOne(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	first := f.start(o)
	if _, err := f.callback("open sesame", Report{ID: "evt-1", Closed: []string{first.ID}}); err != nil {
		t.Fatal(err)
	}
	second := f.start(o)
	if second.ID == first.ID {
		t.Error("a closed attempt was opened again")
	}
	f.provider.payAttempt(second.ID)
	f.advance(time.Hour)
	f.due(o)
	f.wantOrder(o.ID, order.Paid, "")
}

// The office was behind for longer than providers are asked for. The sweeper published the reservation again, and the order
// was cancelled without a question, although it was paid.
func TestSweeperCancelsNothingUnasked(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.provider.payAttempt(f.start(o).ID)
	f.advance(time.Hour + defaultAskGrace + time.Minute)
	if err := f.orders.Create(t.Context(), event.Reserved{Orders: []event.Order{o}}); err != nil {
		t.Fatal(err)
	}
	f.wantOrder(o.ID, order.PendingPayment, "")
	f.due(o)
	f.wantOrder(o.ID, order.Paid, "")
}

// Sixty-four attempts at a provider that hung took the time of all questions, and an order that was paid with another one
// was cancelled.
func TestHangingProviderHoldsUpNoOther(t *testing.T) {
	f := newFixture(t)
	hung, paid := f.create(time.Hour), f.create(time.Hour)
	f.start(hung)
	opened, err := f.payments.Start(t.Context(), paid, "other", "https://shop.example/")
	if err != nil {
		t.Fatal(err)
	}
	f.other.payAttempt(opened.ID)
	f.lateRefund() // by fake
	late := f.reserve(time.Hour)
	f.payOther(late)
	release := make(chan struct{})
	f.provider.set(func(p *fakeProvider) { p.hang = release })
	f.advance(defaultParkedLimit + time.Hour)

	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { stop(); close(release); running.Wait() })
	running.Go(func() {
		_, _ = f.payments.AskBeforeTimeout(ctx, event.Due{OrderIDs: []string{hung.ID, paid.ID}})
	})
	running.Go(func() { f.payments.Run(ctx) })
	f.eventually("the other provider's order is paid", func() bool {
		rows, err := f.orders.Find(t.Context(), paid.ID)
		return err == nil && rows[paid.ID].State == order.Paid
	})
	f.eventually("the other provider's refund is done", func() bool { return len(f.refunds(refundDone)) == 1 })
}

// payOther takes a payment at the other provider.
func (f *fixture) payOther(o event.Order) {
	f.t.Helper()
	p := Payment{ID: "elsewhere", OrderID: o.ID, Amount: o.Amount}
	f.other.take(p)
	if _, err := f.payments.pay(f.t.Context(), "other", p, "msg"); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) eventually(what string, done func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("not in time: %s", what)
		}
	}
}

// A provider without an API was started all the same: the caller was refused, and the order held and asked for during days.
func TestProviderThatStartsNothingHoldsNothing(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Minute)
	f.provider.passive = true
	if _, err := f.payments.Start(t.Context(), o, "fake", ""); !errors.Is(err, ErrUnsupported) {
		t.Errorf("%v, want that it is not supported", err)
	}
	if rows, err := f.orders.Find(t.Context(), o.ID); err != nil || rows[o.ID].AskUntil != 0 || rows[o.ID].ExpiresAt != o.ExpiresAt {
		t.Errorf("the order is held: %+v, %v", rows[o.ID], err)
	}
	if names := f.payments.Providers(); len(names) != 1 || names[0] != "other" {
		t.Errorf("providers %q", names)
	}
}

// Nobody counted the attempts that a buyer had a provider refuse: each left a row, and of those past the bound a restored office
// would not have known that they were its own.
func TestAttemptsOfAnOrderAreBounded(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	var values []any
	for n := range attemptsMax - 1 {
		values = append(values, attemptID(o.ID, "fake", n), o.ID, "fake", 9800, "CNY", "closed", "", o.ExpiresAt, 1, 1, 1)
	}
	dbtest.Insert(t, f.db, `payment_attempts (id, order_id, provider, amount, currency, state, return_url, expires_at, next_at,
		created_at, changed_at)`, values...)
	last := f.start(o)
	if !isAttemptID(last.ID, o.ID, "fake") {
		t.Errorf("the last attempt, %s, is not known as one of its order", last.ID)
	}
	if err := f.payments.closeAttempt(t.Context(), "fake", last.ID, Closed); err != nil {
		t.Fatal(err)
	}
	if _, err := f.payments.Start(t.Context(), o, "fake", ""); !errors.Is(err, ErrRefused) || errors.Is(err, ErrProviderAway) {
		t.Errorf("%v, want that it is refused", err)
	}
	if _, err := f.payments.Start(t.Context(), o, "other", ""); err != nil {
		t.Errorf("with another provider: %v", err)
	}
}

// A start that the provider refuses opens nothing, so there is nothing to ask for.
func TestRefusedStartIsOver(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.provider.set(func(p *fakeProvider) { p.fail["start"] = ErrRefused })
	if _, err := f.payments.Start(t.Context(), o, "fake", ""); !errors.Is(err, ErrRefused) {
		t.Fatal(err)
	}
	f.advance(lastAskPause)
	f.work()
	if n := f.provider.count("start") + f.provider.count("query") + f.provider.count("close"); n != 1 {
		t.Errorf("%d calls for what was refused, want 1", n)
	}
	f.advance(time.Hour)
	f.due(o)
	f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
}

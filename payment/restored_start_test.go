package payment

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
)

// errOrderPaid is what WeChat Pay answers to the start of an order that is paid, and much like what Stripe answers to one with
// another return_url: no refusal, and it is not started.
var errOrderPaid = errors.New("the provider answered 400 ORDERPAID")

// newForgotten returns a fixture with an order that was paid at its provider, and of whose payment its restored database knows
// nothing.
func newForgotten(t *testing.T) (*fixture, event.Order) {
	t.Helper()
	f := newFixture(t)
	f.provider.nameless, f.other.nameless = true, true
	o := f.create(time.Hour)
	f.provider.payAttempt(f.start(o).ID)
	f.restore(false)
	return f, o
}

// pressPay has the buyer press Pay, and returns why it does not start.
func (f *fixture) pressPay(o event.Order) error {
	_, err := f.payments.Start(f.t.Context(), o, "fake", "https://shop.example/another")
	return err
}

// Whoever had paid after the backup saw a pending order, and pressed Pay again. The payment had the same id, so it was known from
// then on, and not looked for as a forgotten one: a provider that refused to start it again had it closed unasked, another had it
// started again and again until it was given up, and the order was cancelled as unpaid. The money was never seen.
func TestForgottenPaymentIsFoundWhenItsBuyerPaysAgain(t *testing.T) {
	for name, answer := range map[string]error{
		"its provider refuses":           fmt.Errorf("409: %w", ErrRefused),
		"its provider does not start it": errOrderPaid,
	} {
		t.Run(name, func(t *testing.T) {
			f, o := newForgotten(t)
			f.provider.set(func(p *fakeProvider) { p.fail["start"] = answer })
			if err := f.pressPay(o); !errors.Is(err, order.ErrAlreadyPaid) || errors.Is(err, ErrRefused) || errors.Is(err, ErrProviderAway) {
				t.Errorf("the buyer is told %v, want that it is paid", err)
			}
			f.wantOrder(o.ID, order.Paid, "")
			f.wantAttempt(o.ID, Paid)
			f.wantBalanced()
		})
	}
}

// Its money was of another sum than the order costs: the order is not paid by it, and the buyer is not told so.
func TestForgottenPaymentOfAnotherSumPaysNothing(t *testing.T) {
	f, o := newForgotten(t)
	f.provider.set(func(p *fakeProvider) {
		p.fail["start"] = ErrRefused
		p.attempts[attemptID(o.ID, "fake", 0)].Payments[0].Amount.Amount--
		p.taken--
	})
	if err := f.pressPay(o); !errors.Is(err, ErrRefused) || errors.Is(err, order.ErrAlreadyPaid) {
		t.Errorf("the buyer is told %v", err)
	}
	f.wantOrder(o.ID, order.PendingPayment, "")
	f.wantAttempt(o.ID, Paid)
	f.wantBalanced()
}

// A provider that cannot be asked leaves the attempt as it is, whatever it has said to the start: it is asked later.
func TestRefusedStartOfARestoredOrderIsNotClosedUnasked(t *testing.T) {
	f, o := newForgotten(t)
	f.provider.set(func(p *fakeProvider) { p.fail["start"], p.fail["close"] = ErrRefused, errAway })
	if err := f.pressPay(o); !errors.Is(err, ErrProviderAway) {
		t.Errorf("the buyer is told %v, want to try again", err)
	}
	f.wantAttempt(o.ID, starting)
	f.provider.set(func(p *fakeProvider) { p.fail["close"] = nil })
	if err := f.pressPay(o); !errors.Is(err, order.ErrAlreadyPaid) {
		t.Errorf("the buyer is told %v, want that it is paid", err)
	}
	f.wantBalanced()
}

// An attempt that was closed before the restore is refused once, and the buyer's next one is another.
func TestRefusedStartOfARestoredOrderMakesWayForTheNext(t *testing.T) {
	f, o := newForgotten(t)
	first := attemptID(o.ID, "fake", 0)
	f.provider.set(func(p *fakeProvider) {
		p.attempts[first].Status = Status{State: Closed}
		p.taken, p.fail["start"] = 0, ErrRefused
	})
	if err := f.pressPay(o); !errors.Is(err, ErrRefused) {
		t.Errorf("the buyer is told %v, want that the provider refuses", err)
	}
	f.wantAttempt(o.ID, Closed)
	f.provider.set(func(p *fakeProvider) { p.fail["start"] = nil })
	if next := f.start(o); next.ID != attemptID(o.ID, "fake", 1) {
		t.Errorf("the next attempt is %s", next.ID)
	}
}

// A start that has failed may still open the attempt: that its provider does not know it says nothing. One that gets no answer in
// time costs its buyer no second wait.
func TestStartThatFailedIsNotTakenForClosed(t *testing.T) {
	f := newFixture(t)
	f.provider.nameless = true
	o := f.create(time.Hour)
	f.restore(false)
	for _, c := range []struct {
		err   error
		asked int
	}{{errAway, 1}, {context.DeadlineExceeded, 1}, {errOrderPaid, 2}} {
		f.provider.set(func(p *fakeProvider) { p.fail["start"] = c.err })
		if err := f.pressPay(o); !errors.Is(err, ErrProviderAway) {
			t.Errorf("the buyer is told %v, want to try again", err)
		}
		f.wantAttempt(o.ID, starting)
		if n := f.provider.count("query"); n != c.asked {
			t.Errorf("after %v asked %d times, want %d", c.err, n, c.asked)
		}
	}
	f.provider.set(func(p *fakeProvider) { p.fail["start"] = nil })
	f.start(o)
	f.wantAttempt(o.ID, Open)
}

// Of an order that was not restored nothing is forgotten: a new attempt that is refused is closed, and nobody is asked.
func TestRefusedStartOfAnOrderThatWasNotRestoredIsClosed(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.provider.set(func(p *fakeProvider) { p.fail["start"] = ErrRefused })
	if err := f.pressPay(o); !errors.Is(err, ErrRefused) {
		t.Errorf("the buyer is told %v", err)
	}
	f.wantAttempt(o.ID, Closed)
	if n := f.provider.count("close") + f.provider.count("query"); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

// The answer to a start was lost, and its payer paid. A provider that starts no payment that is paid was asked to start it, and for
// nothing else: after three days the attempt was given up with its money.
func TestPaymentOfAStartWithoutAnAnswerIsFound(t *testing.T) {
	for name, find := range map[string]func(f *fixture, o event.Order){
		"by the worker": func(f *fixture, _ event.Order) {
			f.advance(callTimeout)
			f.work()
		},
		"at the deadline": func(f *fixture, o event.Order) {
			f.advance(time.Hour)
			f.due(o)
		},
		"before it is replaced, with more time": func(f *fixture, o event.Order) {
			f.advance(58 * time.Minute)
			if err := f.pressPay(o); !errors.Is(err, order.ErrAlreadyPaid) {
				f.t.Errorf("the buyer is told %v, want that it is paid", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.provider.nameless = true
			o := f.create(time.Hour)
			f.provider.set(func(p *fakeProvider) { p.cut["start"] = true })
			if err := f.pressPay(o); !errors.Is(err, ErrProviderAway) {
				t.Fatal(err)
			}
			f.provider.payAttempt(attemptID(o.ID, "fake", 0))
			f.provider.set(func(p *fakeProvider) { p.cut["start"], p.fail["start"] = false, errOrderPaid })
			find(f, o)
			f.wantOrder(o.ID, order.Paid, "")
			f.wantAttempt(o.ID, Paid)
			f.wantBalanced()
		})
	}
}

package order

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"boxoffice/common/event"
)

// Payment, deadline and buyer meet at one order; exactly one of them wins, and the money is applied or goes back.
func TestPayTimeoutAndCancelHaveOneWinner(t *testing.T) {
	f := newFixture(t)
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	won := map[State]int{}
	for range rounds {
		o := f.reserve(time.Minute)
		f.create(o)
		f.clock.advance(time.Minute)
		p := f.payment(o)
		var result PaymentResult
		var cancelled Order
		var payErr, cancelErr, timeoutErr error
		together(3, func(n int) {
			switch n {
			case 0:
				result, payErr = f.orders.Pay(t.Context(), p)
			case 1:
				cancelled, cancelErr = f.orders.Cancel(t.Context(), o, true)
			default:
				timeoutErr = f.orders.Timeout(t.Context(), event.Due{OrderIDs: []string{o.ID}})
			}
		})
		if payErr != nil || timeoutErr != nil {
			t.Fatalf("Pay: %v, Timeout: %v", payErr, timeoutErr)
		}
		final := f.find(o.ID)
		won[final.State]++
		switch final.State {
		case Paid:
			if result != Applied || !errors.Is(cancelErr, ErrAlreadyPaid) {
				t.Fatalf("paid, but Pay = %s and Cancel: %v", result, cancelErr)
			}
			f.wantPayment(p.ID, Applied, "")
		case Cancelled:
			if result != RefundDue || cancelErr != nil || cancelled.CancelReason != final.CancelReason {
				t.Fatalf("cancelled (%s), but Pay = %s and Cancel = %+v, %v", final.CancelReason, result, cancelled, cancelErr)
			}
			f.wantPayment(p.ID, RefundDue, OrderCancelled)
		default:
			t.Fatalf("the order is %s", final.State)
		}
	}
	t.Logf("winners: %v", won)
	f.wantInvariants()
	f.orders.Close()
	f.wantOneOutcomePerOrder()
}

// Everything at once on a few orders, each message and callback up to three times, orders before and after their
// payments: what comes out must be one of the states that the rules allow, with every payment accounted for.
func TestStormLosesNoMoney(t *testing.T) {
	f := newFixture(t)
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	for round := range rounds {
		orders := []event.Order{f.reserve(time.Minute), f.reserve(time.Minute), f.reserve(2 * time.Minute)}
		payments := []Payment{f.payment(orders[0]), f.payment(orders[0]), f.payment(orders[1]), f.payment(orders[2])}
		payments[3].Amount.Amount = 1
		together(12, func(n int) {
			random := rand.New(rand.NewPCG(uint64(round), uint64(n)))
			for range 6 {
				if err := f.strike(random, orders, payments); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			}
		})
		f.create(orders...)
		for _, p := range payments {
			if _, err := f.orders.Pay(t.Context(), p); err != nil {
				t.Fatalf("Pay: %v", err)
			}
		}
		f.clock.advance(2 * time.Minute)
		f.timeout(orders[0].ID, orders[1].ID, orders[2].ID)
		f.wantInvariants()
		f.wantPayment(payments[3].ID, Mismatch, WrongAmount)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	f.orders.Close()
	f.wantOneOutcomePerOrder()
}

func (f *fixture) strike(random *rand.Rand, orders []event.Order, payments []Payment) error {
	ctx := f.t.Context()
	order := orders[random.IntN(len(orders))]
	switch random.IntN(10) {
	case 0, 1:
		return f.orders.Create(ctx, event.Reserved{Orders: orders[:1+random.IntN(len(orders))]})
	case 2:
		f.clock.advance(10 * time.Second)
		return f.orders.Timeout(ctx, event.Due{OrderIDs: []string{order.ID, orders[0].ID}})
	case 3:
		if random.IntN(4) > 0 {
			return nil
		}
		_, err := f.orders.Cancel(ctx, order, true)
		if errors.Is(err, ErrAlreadyPaid) {
			return nil
		}
		return err
	default:
		_, err := f.orders.Pay(ctx, payments[random.IntN(len(payments))])
		return err
	}
}

// wantOneOutcomePerOrder checks all that was ever published against the rows.
func (f *fixture) wantOneOutcomePerOrder() {
	f.t.Helper()
	for _, s := range f.settledMessages() {
		if got := f.find(s.OrderID).outcome(); got != s.Outcome {
			f.t.Errorf("%s was published as %s and is %s", s.OrderID, s.Outcome, fmt.Sprintf("%q", got))
		}
	}
}

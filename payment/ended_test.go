package payment

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
)

// Each order that ended had a commit of its own for its attempts. Orders that end at once end in one transaction, and each of
// them does.
func TestOrdersThatEndAtOnceEndTogether(t *testing.T) {
	f := newFixture(t)
	orders := make([]event.Order, 50)
	for i := range orders {
		orders[i] = f.create(time.Hour)
		f.start(orders[i])
	}
	soon := func() (n int) {
		t.Helper()
		const query = `SELECT COUNT(*) FROM payment_attempts WHERE next_at <= ?`
		if err := f.db.Reader().GetContext(t.Context(), &n, query, f.now().UnixMilli()); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := soon(); n != 0 {
		t.Fatalf("%d attempts are due", n)
	}
	var ending sync.WaitGroup
	for _, o := range orders {
		ending.Go(func() {
			if err := f.payments.OrderEnded(t.Context(), o.ID); err != nil {
				t.Error(err)
			}
		})
	}
	ending.Wait()
	if n := soon(); n != len(orders) {
		t.Errorf("%d attempts are due, want %d", n, len(orders))
	}
	f.payments.Close()
	if err := f.payments.OrderEnded(t.Context(), orders[0].ID); !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("after the end: %v", err)
	}
}

// newTwoPages returns a fixture with an order that its buyer can pay at two providers, which were asked in vain for a while.
func newTwoPages(t *testing.T) (f *fixture, o event.Order, opened, left Opened) {
	t.Helper()
	f = newFixture(t)
	o = f.create(2 * time.Hour)
	opened = f.start(o)
	left, err := f.payments.Start(t.Context(), o, "other", "https://shop.example/")
	if err != nil {
		t.Fatal(err)
	}
	f.workFor(time.Hour, time.Minute)
	return f, o, opened, left
}

func (f *fixture) wantClosedAtOther(left Opened) {
	f.t.Helper()
	if state := f.other.attempts[left.ID].State; state != Closed {
		f.t.Errorf("the order is final, and at the other provider its attempt is %s", state)
	}
}

// The callback was lost, and the payment found by asking. At the other provider the order could be paid once more, for minutes.
func TestPaymentFoundByAskingClosesTheOtherAttempts(t *testing.T) {
	f, o, opened, left := newTwoPages(t)
	f.provider.payAttempt(opened.ID)
	f.exec(`UPDATE payment_attempts SET next_at = 0 WHERE provider = 'fake'`)
	f.work()
	f.wantOrder(o.ID, order.Paid, "")
	f.wantClosedAtOther(left)
}

// A payment that was found by asking was recorded, and the attempts ended in a second transaction, before which the database went
// away. The next answer found it recorded, and at the other provider the order could be paid once more, for minutes. An earlier
// version may have left an order so.
func TestAnswerThatComesAgainClosesTheOtherAttempts(t *testing.T) {
	f, _, opened, left := newTwoPages(t)
	f.provider.payAttempt(opened.ID)
	f.recordAlone(f.provider.attempts[opened.ID].Payments[0])
	f.exec(`UPDATE payment_attempts SET next_at = 0 WHERE provider = 'fake'`)
	f.work()
	f.wantClosedAtOther(left)
}

// Nearly every attempt is asked for once more after its callback. When it is the only one, there is nothing to end, and nothing is
// written but its own end.
func TestAnswerAfterTheCallbackEndsOnlyItsAttempt(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.provider.payAttempt(f.start(o).ID)
	f.tellPaid(o)
	f.payments.Close() // orders cannot be ended any more
	f.work()
	f.wantAttempt(o.ID, Paid)
}

// Of a final order two attempts were paid, and both providers call theirs open. An answer for the one may not make the other due at
// once, nor itself: they were asked for without a pause, and without an end.
func TestRecordedPaymentsOfOpenAttemptsAreAskedForWithPauses(t *testing.T) {
	f, o, opened, left := newTwoPages(t)
	for p, id := range map[*fakeProvider]string{f.provider: opened.ID, f.other: left.ID} {
		p.payAttempt(id)
		p.set(func(p *fakeProvider) { p.attempts[id].State, p.busy = Open, true })
	}
	bounded, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	work := func() {
		t.Helper()
		for range 5 { // looks at one moment
			if err := f.payments.Work(bounded); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.advance(lastAskPause)
	work()
	f.wantOrder(o.ID, order.Paid, "")
	asked := func() int { return f.provider.count("close") + f.other.count("close") }
	before := asked()
	for range 3 {
		f.advance(lastAskPause)
		work()
	}
	if n := asked() - before; n != 6 {
		t.Errorf("two attempts were asked for %d times in three pauses, want once each", n)
	}
	for p, id := range map[*fakeProvider]string{f.provider: opened.ID, f.other: left.ID} {
		p.set(func(p *fakeProvider) { p.attempts[id].State = Paid })
	}
	f.advance(lastAskPause)
	work()
	for _, id := range []string{opened.ID, left.ID} {
		f.wantStateOf(o, id, Paid)
	}
}

// wantStateOf checks one of an order's attempts.
func (f *fixture) wantStateOf(o event.Order, id string, want AttemptState) {
	f.t.Helper()
	rows, err := f.payments.attemptsOf(f.t.Context(), o.ID)
	if err != nil || !slices.ContainsFunc(rows, func(row attemptRow) bool { return row.ID == id && row.State == want }) {
		f.t.Errorf("attempts are %+v, %v, want that %s is %s", rows, err, id, want)
	}
}

// recordAlone records a payment as an earlier version did: the attempts of its order were ended in a second transaction.
func (f *fixture) recordAlone(p Payment) {
	f.t.Helper()
	result, err := f.orders.Pay(f.t.Context(), order.Payment{
		ID: order.RecordID("fake", p.ID), Provider: "fake", OrderID: p.OrderID, Amount: p.Amount, WebhookID: "before",
	})
	if err != nil || result != order.Applied {
		f.t.Fatalf("%s, %v, want that it pays the order", result, err)
	}
	f.wantOrder(p.OrderID, order.Paid, "")
}

// A callback's payment was recorded, and the attempts ended in a second transaction: a kill between the two left an order that is
// paid, and at the other provider could be paid once more, for minutes. They end together.
func TestPaymentEndsTheAttemptsInItsOwnTransaction(t *testing.T) {
	f, _, opened, left := newTwoPages(t)
	f.provider.payAttempt(opened.ID)
	f.payments.Close() // no second transaction
	taken, err := f.callback("open sesame", Report{ID: "evt-1", Payments: f.provider.attempts[opened.ID].Payments})
	if err != nil || len(taken.Payments) != 1 || taken.Payments[0] != order.Applied {
		t.Fatalf("%+v, %v, want that the order is paid", taken, err)
	}
	f.work()
	f.wantClosedAtOther(left)
}

// A callback whose payment was recorded, and after it the database went away, was sent again. It was a duplicate then, and the
// attempts stayed open. An earlier version may have left an order so.
func TestCallbackThatComesAgainClosesTheAttempts(t *testing.T) {
	f, _, opened, left := newTwoPages(t)
	f.provider.payAttempt(opened.ID)
	report := Report{ID: "evt-1", Payments: f.provider.attempts[opened.ID].Payments}
	f.recordAlone(report.Payments[0])
	taken, err := f.callback("open sesame", report)
	if err != nil || len(taken.Payments) != 1 || taken.Payments[0] != order.Duplicate {
		t.Fatalf("%+v, %v, want a duplicate", taken, err)
	}
	f.work()
	f.wantClosedAtOther(left)
}

// An order ended while its provider was being asked. The answer, that the attempt was open, put the next question off again.
func TestOrderThatEndsDuringAQuestionIsAskedForAtOnce(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	opened := f.start(o)
	f.advance(firstAskPause)
	hang := make(chan struct{})
	f.provider.set(func(p *fakeProvider) { p.hang = hang })
	var asking sync.WaitGroup
	asking.Go(func() {
		if err := f.payments.Work(t.Context()); err != nil {
			t.Error(err)
		}
	})
	f.eventually("a worker has the attempt", func() bool {
		rows, err := f.payments.attemptsOf(t.Context(), o.ID)
		return err == nil && rows[0].Tries == 1
	})
	if _, err := f.orders.Cancel(t.Context(), o, true); err != nil {
		t.Error(err)
	}
	if err := f.payments.OrderEnded(t.Context(), o.ID); err != nil {
		t.Error(err)
	}
	f.provider.set(func(p *fakeProvider) { p.hang = nil })
	close(hang)
	asking.Wait()
	f.work()
	if state := f.provider.attempts[opened.ID].State; state != Closed {
		t.Errorf("the attempt of a cancelled order is %s", state)
	}
}

package order

import (
	"context"
	"os"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

func TestParkedPaymentsAreAppliedWhenTheOrderComes(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	wrong, first, second := f.payment(o), f.payment(o), f.payment(o)
	wrong.Amount.Amount++
	for _, p := range []Payment{wrong, first, second} {
		f.pay(p, Parked)
		f.pay(p, Duplicate)
		f.clock.advance(time.Millisecond)
	}
	f.create(o)
	f.create(o)
	f.wantState(o.ID, Paid, "")
	f.wantPayment(wrong.ID, Mismatch, WrongAmount)
	f.wantPayment(first.ID, Applied, "")
	f.wantPayment(second.ID, RefundDue, AlreadyPaid)
	f.wantSettled(event.SettledOrder{OrderID: o.ID, Outcome: event.Paid})
	if dues := f.dues(); len(dues) != 0 {
		t.Errorf("sent %v, want no payment-due of a paid order", dues)
	}
}

func TestParkedPaymentBeatsADeadlineThatHasPassed(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(0)
	f.pay(f.payment(o), Parked)
	f.create(o)
	f.wantState(o.ID, Paid, "")
}

// When the process stops between the commit that parks a payment and its second look, the payment is parked although
// its order exists. Every transaction that touches the order must then take it along.
func TestForgottenParkedPaymentIsFoundByWhoeverComesNext(t *testing.T) {
	for name, next := range map[string]func(*fixture, event.Order){
		"second look": func(f *fixture, o event.Order) {
			if _, err := f.orders.recheckParked(f.t.Context(), []Payment{{ID: "forgotten", OrderID: o.ID}}); err != nil {
				f.t.Errorf("look again: %v", err)
			}
		},
		"redelivery": func(f *fixture, o event.Order) { f.create(o) },
		"timeout":    func(f *fixture, o event.Order) { f.clock.advance(time.Hour); f.timeout(o.ID) },
		"cancel":     func(f *fixture, o event.Order) { _, _ = f.orders.Cancel(f.t.Context(), o, true) },
		"duplicate": func(f *fixture, o event.Order) {
			f.pay(Payment{ID: "forgotten", OrderID: o.ID, Amount: o.Amount, WebhookID: "w"}, Duplicate)
		},
		"other payment": func(f *fixture, o event.Order) { f.pay(f.payment(o), RefundDue) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			o := f.reserve(time.Hour)
			f.create(o)
			f.forget(Payment{ID: "forgotten", OrderID: o.ID, Amount: o.Amount, WebhookID: "w"})
			next(f, o)
			f.wantState(o.ID, Paid, "")
			f.wantPayment("forgotten", Applied, "")
			f.drained(1)
			f.wantSettled(event.SettledOrder{OrderID: o.ID, Outcome: event.Paid})
			f.wantInvariants()
		})
	}
}

// forget leaves a payment parked behind the service's back.
func (f *fixture) forget(p Payment) {
	f.t.Helper()
	err := f.db.InTx(f.t.Context(), func(tx *db.Tx) error {
		return insertPayments(f.t.Context(), tx, []decidedPayment{{p, Parked}}, f.clock.now().UnixMilli())
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// The payment reads no order; the order is created, and its transaction sees no payment; then the payment commits.
// Neither transaction could know of the other, and before the payment looked again after its commit, it stayed parked
// beside a pending order. The test holds the payment between its read and its commit by a lock on its key. Only a payment
// that is decided by a read can miss the order so, and it is when another one of its order is parked.
func TestPaymentThatCommitsAfterItsOrderLooksAgain(t *testing.T) {
	f := newFixture(t)
	f.needsConcurrentWriters()
	o := f.reserve(time.Hour)
	f.parkMismatch(o)
	p := f.payment(o)
	release := f.hold(`INSERT INTO payments (id, order_id, amount, currency, webhook_id, result, received_at)
		VALUES (?, 'x', 1, 'CNY', 'w', 'parked', 0)`, p.ID)
	answer := make(chan PaymentResult, 1)
	go func() {
		result, err := f.orders.Pay(t.Context(), p)
		if err != nil {
			t.Errorf("Pay: %v", err)
		}
		answer <- result
	}()
	f.waitForLock()
	f.create(o)
	f.wantState(o.ID, PendingPayment, "")
	release()
	if result := <-answer; result != Applied {
		t.Errorf("Pay = %s, want applied", result)
	}
	f.wantState(o.ID, Paid, "")
	f.drained(1)
	f.wantSettled(event.SettledOrder{OrderID: o.ID, Outcome: event.Paid})
	f.wantInvariants()
}

// The order's transaction has looked for payments; the payment parks, commits, looks again and still sees no order;
// then the order commits. The test holds the order's transaction after its look by a lock on another parked payment
// that the same transaction applies. The other order exists, so that the transaction is not one that only inserts.
func TestOrderThatCommitsAfterItsPaymentLooksAgain(t *testing.T) {
	f := newFixture(t)
	f.needsConcurrentWriters()
	o, other := f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(other)
	blocker := f.payment(other)
	f.forget(blocker)
	f.parkMismatch(o)
	release := f.hold(`UPDATE payments SET webhook_id = 'held' WHERE id = ?`, blocker.ID)
	created := make(chan error, 1)
	go func() { created <- f.orders.Create(t.Context(), event.Reserved{Orders: []event.Order{o, other}}) }()
	f.waitForLock()
	p := f.payment(o)
	f.pay(p, Parked)
	release()
	if err := <-created; err != nil {
		t.Fatalf("Create: %v", err)
	}
	f.wantState(o.ID, Paid, "")
	f.wantState(other.ID, Paid, "")
	f.wantSettled(event.SettledOrder{OrderID: o.ID, Outcome: event.Paid})
	f.wantInvariants()
}

// parkMismatch parks a payment of a wrong amount for an order that is still to come.
func (f *fixture) parkMismatch(o event.Order) {
	f.t.Helper()
	p := f.payment(o)
	p.Amount.Amount++
	f.pay(p, Parked)
}

func (f *fixture) needsConcurrentWriters() {
	f.t.Helper()
	if f.db.Name() == "sqlite" {
		if os.Getenv("BOXOFFICE_TEST_MYSQL") != "" {
			f.t.Fatal("the test database is not the one that was asked for")
		}
		f.t.Skip("SQLite has one writer: no transaction can begin between this one's read and its commit")
	}
}

// hold runs a statement in a transaction that keeps its locks until release, and then rolls it back.
func (f *fixture) hold(statement string, args ...any) (release func()) {
	f.t.Helper()
	ctx := context.Background() // ends with release
	tx, err := f.db.Reader().BeginTxx(ctx, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
		f.t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			f.t.Errorf("release: %v", err)
		}
	}
}

// waitForLock waits until a transaction of this schema waits for a lock. InnoDB refreshes the table it reads only when
// nobody has read it for 0.1 s.
func (f *fixture) waitForLock() {
	f.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(150 * time.Millisecond) {
		var waiting int
		if err := f.db.Reader().GetContext(f.t.Context(), &waiting, `SELECT COUNT(*) FROM information_schema.innodb_trx t
			JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
			WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()`); err != nil {
			f.t.Fatal(err)
		}
		if waiting > 0 {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatal("nothing waits for the lock")
		}
	}
}

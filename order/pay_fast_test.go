package order

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

func TestFastPathPaysAllInOneTransaction(t *testing.T) {
	f := newFixture(t)
	var payments []Payment
	var want []event.SettledOrder
	for n := range 6 {
		o := f.reserve(time.Hour)
		o.Amount.Amount += int64(n % 3)
		f.create(o)
		payments = append(payments, f.payment(o))
		want = append(want, event.SettledOrder{OrderID: o.ID, Outcome: event.Paid})
	}
	if !fitsFastPath(payments) {
		t.Fatal("the batch does not fit the fast path")
	}
	if err := f.orders.receiveFast(t.Context(), payments); err != nil {
		t.Fatalf("receiveFast: %v", err)
	}
	for _, p := range payments {
		f.wantState(p.OrderID, Paid, "")
		f.wantPayment(p.ID, Applied, "")
	}
	f.drained(len(want))
	f.wantSettled(want...)
	f.wantInvariants()
}

// One payment that is not as the fast path assumes must leave nothing behind of the whole batch, and each payment then has
// the result that the rules give it.
func TestListWithOneExceptionIsDecidedPaymentByPayment(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(f *fixture, o event.Order, p *Payment)
		fails func(f *fixture, err error) bool
		want  PaymentResult
	}{
		"wrong amount":   {func(_ *fixture, _ event.Order, p *Payment) { p.Amount.Amount++ }, raced, Mismatch},
		"wrong currency": {func(_ *fixture, _ event.Order, p *Payment) { p.Amount.Currency = "USD" }, raced, Mismatch},
		"no order":       {func(_ *fixture, _ event.Order, p *Payment) { p.OrderID = "absent" }, raced, Parked},
		"cancelled":      {func(f *fixture, o event.Order, _ *Payment) { f.cancel(o) }, raced, RefundDue},
		"paid":           {func(f *fixture, o event.Order, _ *Payment) { f.pay(f.payment(o), Applied) }, raced, RefundDue},
		"parked before": {
			func(f *fixture, o event.Order, _ *Payment) { f.forget(f.payment(o)) },
			func(_ *fixture, err error) bool { return errors.Is(err, errNotFast) }, RefundDue,
		},
		"recorded before": {func(f *fixture, _ event.Order, p *Payment) { f.pay(*p, Applied) }, duplicate, Duplicate},
		"id of another": {func(f *fixture, _ event.Order, p *Payment) {
			other := f.reserve(time.Hour)
			f.create(other)
			paid := f.payment(other)
			f.pay(paid, Applied)
			p.ID = paid.ID
		}, duplicate, Mismatch},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a, odd, b := f.reserve(time.Hour), f.reserve(time.Hour), f.reserve(time.Hour)
			f.create(a, odd, b)
			list := []Payment{f.payment(a), f.payment(odd), f.payment(b)}
			test.spoil(f, odd, &list[1])
			before := f.rows("")
			if err := f.orders.receiveFast(t.Context(), list); !test.fails(f, err) {
				t.Fatalf("receiveFast: %v", err)
			}
			if after := f.rows(""); !slices.Equal(before, after) {
				t.Errorf("the list that failed left %q, before it was %q", after, before)
			}
			got, err := f.orders.receive(t.Context(), list)
			if want := []PaymentResult{Applied, test.want, Applied}; err != nil || !slices.Equal(got, want) {
				t.Errorf("receive = %v, %v, want %v", got, err, want)
			}
			f.wantInvariants()
		})
	}
}

func raced(_ *fixture, err error) bool     { return errors.Is(err, db.ErrConflict) }
func duplicate(f *fixture, err error) bool { return f.db.IsDuplicate(err) }

func TestBatchOfManyAmountsOrRepeatedIDsDoesNotFitTheFastPath(t *testing.T) {
	list := make([]Payment, fastAmounts)
	for i := range list {
		list[i] = Payment{ID: fmt.Sprint("p", i), OrderID: fmt.Sprint("o", i), Amount: event.Money{Amount: int64(i), Currency: "CNY"}}
	}
	if !fitsFastPath(list) {
		t.Error("the batch should fit the fast path")
	}
	for name, extra := range map[string]Payment{
		"amount":   {ID: "p", OrderID: "o", Amount: event.Money{Amount: 1, Currency: "USD"}},
		"order":    {ID: "p", OrderID: "o0", Amount: list[0].Amount},
		"payment":  {ID: "p0", OrderID: "o", Amount: list[0].Amount},
		"delivery": list[0],
	} {
		if fitsFastPath(append(slices.Clone(list), extra)) {
			t.Errorf("%s: the batch should not fit the fast path", name)
		}
	}
}

// script is what happens in two worlds that differ in nothing but the prefix of their ids.
type script struct {
	orders []scriptOrder
	lists  [][]scriptPayment
}

type scriptOrder struct {
	state  State // empty for an order that does not exist
	amount int64
	parked bool // a payment that was forgotten when the process died
}

type scriptPayment struct {
	id, order int
	wrong     int // by how much the amount is
}

func drawScript(r *rapid.T) script {
	orders := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) scriptOrder {
		return scriptOrder{
			state:  rapid.SampledFrom(append(slices.Repeat([]State{PendingPayment}, 12), Paid, Cancelled, "")).Draw(r, "state"),
			amount: rapid.Int64Range(1, 3).Draw(r, "amount"),
			parked: rapid.IntRange(0, 19).Draw(r, "parked") == 19,
		}
	}), 1, 8).Draw(r, "orders")
	loose := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) scriptPayment {
		return scriptPayment{
			id:    rapid.IntRange(0, 30).Draw(r, "id"),
			order: rapid.IntRange(0, len(orders)-1).Draw(r, "order"),
			wrong: max(0, rapid.IntRange(-8, 1).Draw(r, "wrong")),
		}
	}), 1, 4)
	tidy := rapid.Custom(func(r *rapid.T) (list []scriptPayment) {
		for _, order := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(orders)-1), 1, len(orders), rapid.ID).Draw(r, "orders") {
			list = append(list, scriptPayment{id: 40 + order, order: order})
		}
		return list
	})
	return script{orders, rapid.SliceOfN(rapid.OneOf(loose, tidy), 1, 4).Draw(r, "lists")}
}

// world is one run of a script.
type world struct {
	*fixture
	prefix string
	orders []event.Order
}

func (f *fixture) newWorld(prefix string, orders []scriptOrder) *world {
	f.t.Helper()
	w := &world{fixture: f, prefix: prefix}
	for n, like := range orders {
		o := f.reserve(time.Hour)
		o.ID = fmt.Sprintf("%s-order-%d", prefix, n)
		o.Amount.Amount = like.amount
		w.orders = append(w.orders, o)
		if like.state != "" {
			f.create(o)
		}
		switch like.state {
		case Paid:
			f.pay(Payment{ID: o.ID + "-first", OrderID: o.ID, Amount: o.Amount, WebhookID: "w"}, Applied)
		case Cancelled:
			f.cancel(o)
		}
		if like.parked {
			f.forget(Payment{ID: o.ID + "-parked", OrderID: o.ID, Amount: o.Amount, WebhookID: "w"})
		}
	}
	return w
}

func (w *world) payments(list []scriptPayment) []Payment {
	payments := make([]Payment, len(list))
	for i, like := range list {
		o := w.orders[like.order]
		o.Amount.Amount += int64(like.wrong)
		payments[i] = Payment{ID: fmt.Sprintf("%s-pay-%02d", w.prefix, like.id), OrderID: o.ID, Amount: o.Amount, WebhookID: "w"}
	}
	return payments
}

// rows is all that the database says of the ids with this prefix, without the prefix.
func (f *fixture) rows(prefix string) (rows []string) {
	f.t.Helper()
	for _, query := range []string{
		`SELECT id, state AS b, COALESCE(cancel_reason, '-') AS c, amount, currency, COALESCE(settled_at, 0) AS at
			FROM orders WHERE id LIKE ? ORDER BY id`,
		`SELECT id, order_id AS b, result AS c, amount, currency, received_at AS at FROM payments WHERE id LIKE ? ORDER BY id`,
		`SELECT payment_id AS id, order_id AS b, reason AS c, amount, currency, created_at AS at
			FROM refunds WHERE payment_id LIKE ? ORDER BY payment_id`,
	} {
		var found []struct {
			ID, B, C, Currency string
			Amount, At         int64
		}
		if err := f.db.Reader().SelectContext(f.t.Context(), &found, query, prefix+"%"); err != nil {
			f.t.Fatal(err)
		}
		for _, row := range found {
			text := fmt.Sprint(row)
			if prefix != "" {
				text = strings.ReplaceAll(text, prefix, "")
			}
			rows = append(rows, text)
		}
	}
	return rows
}

// published is how often each order with this prefix was published with which outcome.
func (f *fixture) published(prefix string) map[string]int {
	f.t.Helper()
	count := map[string]int{}
	for _, s := range f.settledMessages() {
		if id, ours := strings.CutPrefix(s.OrderID, prefix); ours {
			count[fmt.Sprint(id, " ", s.Outcome)]++
		}
	}
	return count
}

// Whatever the lists, the short way and the long one must come to the same answers, the same rows and the same messages.
func TestAnyListEndsAsIfDecidedPaymentByPayment(t *testing.T) {
	f := newFixture(t)
	fast, worlds := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		s := drawScript(r)
		worlds++
		short := f.newWorld(fmt.Sprintf("short%04d", worlds), s.orders)
		long := f.newWorld(fmt.Sprintf("other%04d", worlds), s.orders)
		for _, list := range s.lists {
			f.clock.advance(time.Second)
			got, err := f.orders.receive(t.Context(), short.payments(list))
			want, longErr := f.orders.receiveEach(t.Context(), long.payments(list), false)
			if err != nil || longErr != nil || !slices.Equal(got, want) {
				r.Fatalf("receive = %v, %v, want %v, %v", got, err, want, longErr)
			}
			if len(list) > 1 && !slices.ContainsFunc(want, func(p PaymentResult) bool { return p != Applied }) {
				fast++
			}
			if got, want := f.rows(short.prefix), f.rows(long.prefix); !slices.Equal(got, want) {
				r.Fatalf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	})
	if fast == 0 {
		t.Error("no batch took the fast path")
	}
	f.orders.Close()
	for n := range worlds {
		got, want := f.published(fmt.Sprintf("short%04d", n+1)), f.published(fmt.Sprintf("other%04d", n+1))
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("published %v, want %v", got, want)
		}
	}
	t.Logf("%d batches of more than one payment on the fast path in %d worlds", fast, worlds)
}

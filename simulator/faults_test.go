package simulator

import (
	"context"
	"errors"
	"flag"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"boxoffice/payment"
)

// both runs a test with a share of 1 and of 0.
func both(t *testing.T, set func(f *Faults, p float64), check func(f *fixture, happens bool)) {
	t.Helper()
	for _, p := range []float64{0, 1} {
		t.Run(strconv.FormatFloat(p, 'f', -1, 64), func(t *testing.T) {
			var faults Faults
			set(&faults, p)
			check(newFixture(t, faults), p == 1)
		})
	}
}

func TestAutoPay(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.AutoPay = p }, func(f *fixture, happens bool) {
		f.start("a1")
		if got := f.idle().Taken["CNY"] == 9800; got != happens {
			f.Errorf("it was paid: %t", got)
		}
		if _, got := f.payments["sim_a1_1"]; got != happens {
			f.Errorf("the office knows: %t", got)
		}
	})
}

func TestOddPay(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.AutoPay, f.OddPay = 1, p }, func(f *fixture, happens bool) {
		for i := range 30 {
			f.start("a" + strconv.Itoa(i))
		}
		seen := map[string]bool{}
		for _, a := range f.idle().Attempts {
			switch first := a.Payments[0]; {
			case len(a.Payments) == 2:
				seen["twice"] = true
			case first.Currency == "USD" && first.Amount == 9800:
				seen["currency"] = true
			case first.Amount == 9799:
				seen["amount"] = true
			case first.Amount != 9800 || first.Currency != "CNY":
				f.Errorf("paid %+v", first)
			}
		}
		if want := map[bool]int{true: 3, false: 0}[happens]; len(seen) != want {
			f.Errorf("seen %v", seen)
		}
	})
}

func TestEarly(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.AutoPay, f.Early, f.AutoPayWithin = 1, p, 2*time.Second }, func(f *fixture, happens bool) {
		f.start("a1")
		if got := len(f.got("msg_sim_a1_1")) > 0; got != happens {
			f.Errorf("the callback came first: %t", got)
		}
		f.idle()
		if len(f.payments) != 1 {
			f.Errorf("payments: %v", f.payments)
		}
	})
}

// An early callback that the office cannot take yet is sent again like any other.
func TestEarlyIsTriedAgain(t *testing.T) {
	f := newFixture(t, Faults{AutoPay: 1, Early: 1})
	f.answerWith(func(bool) int {
		if len(f.got("")) < 3 {
			return http.StatusConflict
		}
		return http.StatusOK
	})
	f.start("a1")
	if books := f.idle(); books.Counts.Posts != 3 || books.Counts.Early != 1 || len(f.payments) != 1 {
		t.Errorf("%+v", books.Counts)
	}
}

func TestLost(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.Lost = p }, func(f *fixture, happens bool) {
		a := f.start("a1")
		f.pay("a1")
		f.idle()
		if got := len(f.got("")) == 0; got != happens {
			f.Errorf("the callback was lost: %t", got)
		}
		if status, err := f.client.Query(f.context(), a); err != nil || len(status.Payments) != 1 {
			f.Errorf("asking finds %+v, %v", status, err)
		}
	})
}

// Nobody asks for an attempt that was closed: what comes of it later is told for certain.
func TestLateMoneyIsNeverLost(t *testing.T) {
	f := newFixture(t, Faults{Lost: 1})
	a := f.start("a1")
	if status, location := f.press("a1", actLate, "300ms"); status != http.StatusSeeOther || location != a.ReturnURL {
		t.Fatalf("promise: %d", status)
	}
	if status, err := f.client.Close(f.context(), a); err != nil || status.State != payment.Closed {
		t.Fatalf("close: %+v, %v", status, err)
	}
	f.idle()
	if _, told := f.payments["sim_a1_1"]; !told || f.closed["a1"] {
		t.Errorf("payments %v, closed %v", f.payments, f.closed)
	}
	if status, err := f.client.Query(f.context(), a); err != nil || status.State != payment.Paid || len(status.Payments) != 1 {
		t.Errorf("asking finds %+v, %v", status, err)
	}
}

// A bank takes its time: until its money comes the attempt is open, whoever closes it and however long its order has ended. Its
// event is as uncertain as any other, and the money is found by asking.
func TestMoneyOfABankIsFoundByAsking(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.Lost = p }, func(f *fixture, happens bool) {
		a := f.start("a1")
		if err := f.sim.cashier.act("a1", actBank, 300*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		f.clock.advance(time.Hour)
		for name, call := range map[string]func(context.Context, payment.Attempt) (payment.Status, error){
			"close": f.client.Close, "query": f.client.Query,
		} {
			if status, err := call(f.context(), a); err != nil || status.State != payment.Open {
				f.Errorf("%s: %+v, %v, want that it is open", name, status, err)
			}
		}
		f.idle()
		if got := len(f.got("")) == 0; got != happens {
			f.Errorf("the callback was lost: %t", got)
		}
		if status, err := f.client.Query(f.context(), a); err != nil || status.State != payment.Paid || len(status.Payments) != 1 {
			f.Errorf("asking finds %+v, %v", status, err)
		}
	})
}

func TestDuplicate(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.Duplicate = p }, func(f *fixture, happens bool) {
		for i := range 10 {
			f.start("a" + strconv.Itoa(i))
			f.pay("a" + strconv.Itoa(i))
		}
		f.idle()
		for i := range 10 {
			got := len(f.got("msg_sim_a" + strconv.Itoa(i) + "_"))
			if happens && (got < 2 || got > 4) || !happens && got != 1 {
				f.Errorf("it came %d times", got)
			}
		}
	})
}

func TestDelay(t *testing.T) {
	const delay = 300 * time.Millisecond
	both(t, func(f *Faults, p float64) { f.Delay, f.MaxDelay = p, delay }, func(f *fixture, happens bool) {
		f.start("a1")
		begin := time.Now()
		f.pay("a1")
		books := f.idle()
		if came := f.got("")[0].at.Sub(begin); happens && came < delay/2 {
			f.Errorf("it came after %v", came)
		}
		if got := books.Counts.Delayed == 1; got != happens {
			f.Errorf("it was delayed: %t", got)
		}
	})
}

func TestReorder(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.Reorder, f.MaxDelay = p, maxDelayLimit }, func(f *fixture, happens bool) {
		f.start("a1")
		if status, _ := f.press("a1", actTwice, ""); status != http.StatusSeeOther {
			f.Fatalf("status %d", status)
		}
		f.eventually("both came", func() bool { return len(f.got("")) == 2 })
		if happens && f.got("")[0].id != "msg_sim_a1_2" {
			f.Errorf("the first one came first")
		}
		if got := f.sim.Books().Counts.Reordered == 1; got != happens {
			f.Errorf("it was reordered: %t", got)
		}
	})
}

// An event that nothing follows is not held for ever.
func TestReorderEnds(t *testing.T) {
	f := newFixture(t, Faults{Reorder: 1})
	f.start("a1")
	f.pay("a1")
	if f.idle(); len(f.payments) != 1 {
		t.Errorf("payments: %v", f.payments)
	}
}

func TestForged(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.Forged = p }, func(f *fixture, happens bool) {
		for i := range 20 {
			id := "a" + strconv.Itoa(i)
			f.start(id)
			p := f.pay(id)
			if _, err := f.client.Refund(f.context(), refundOf(p, "rf_"+strconv.Itoa(i), 1)); err != nil {
				f.Fatal(err)
			}
		}
		books := f.idle()
		forged := map[string]int{}
		for _, d := range f.got("") {
			if d.isForged {
				forged[d.id[strings.LastIndex(d.id, "_"):]]++
			}
		}
		if want := map[bool]int64{true: 40, false: 0}[happens]; books.Counts.ForgedSent != want || books.Counts.ForgedAccepted != 0 {
			f.Errorf("%+v", books.Counts)
		}
		if happens && (forged["_other"] == 0 || forged["_old"] == 0 || forged["_1"] == 0) {
			f.Errorf("the office refused %v", forged)
		}
		if len(f.payments) != 20 {
			f.Errorf("payments: %v", f.payments)
		}
		for _, p := range f.payments {
			if p.Amount.Amount != 9800 {
				f.Errorf("paid %+v", p)
			}
		}
	})
}

// An office that takes everything is found out.
func TestAForgeryThatIsTakenIsCounted(t *testing.T) {
	f := newFixture(t, Faults{Forged: 1})
	f.answerWith(func(bool) int { return http.StatusOK })
	f.start("a1")
	f.pay("a1")
	if books := f.idle(); books.Counts.ForgedAccepted != 1 || books.Counts.Accepted != 1 {
		t.Errorf("%+v", books.Counts)
	}
}

func TestEachForgery(t *testing.T) {
	f := newFixture(t, None())
	c := f.sim.cashier.courier
	a := f.start("a1")
	f.pay("a1")
	events := f.sim.cashier.ledger.take(f.sim.cashier.ledger.attempts[a.ID], []money{{1, "CNY"}})
	for kind := range forgeryKinds {
		header, body, err := c.forger.forge(kind, c.signer, events[0].id, events[0].event)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.client.Verify(f.context(), header, body); !errors.Is(err, payment.ErrForged) {
			t.Errorf("forgery %d: %v", kind, err)
		}
		if kind == changedEvent && !strings.Contains(string(body), `"amount":2`) {
			t.Errorf("it says %s", body)
		}
	}
}

func TestSlowAnswer(t *testing.T) {
	const delay = 200 * time.Millisecond
	both(t, func(f *Faults, p float64) { f.SlowAnswer, f.MaxDelay = p, delay }, func(f *fixture, happens bool) {
		begin := time.Now()
		f.start("a1")
		if took := time.Since(begin); happens && took < delay/2 {
			f.Errorf("it took %v", took)
		}
		if got := f.idle().Counts.SlowAnswers == 1; got != happens {
			f.Errorf("it was slow: %t", got)
		}
	})
}

// A provider that is away may have acted or not, and never refuses for good.
func TestAway(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.Away = p }, func(f *fixture, happens bool) {
		seen := map[string]bool{}
		for i := range 40 {
			id := "a" + strconv.Itoa(i)
			_, err := f.client.Start(f.context(), f.attempt(id))
			if (err != nil) != happens || errors.Is(err, payment.ErrRefused) {
				f.Fatalf("start: %v", err)
			}
			if happens {
				_, acted := f.sim.Books().Attempts[id]
				seen[strconv.FormatBool(acted)+strconv.FormatBool(strings.Contains(err.Error(), "503"))] = true
			}
		}
		if happens && len(seen) != 4 {
			f.Errorf("acted and answered: %v", seen)
		}
	})
}

func TestFlags(t *testing.T) {
	parse := func(args ...string) (Faults, error) {
		flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		f := DefineFlags(flags)
		err := flags.Parse(args)
		return *f, err
	}
	if f, err := parse(); err != nil || f.withDefaults() != None().withDefaults() {
		t.Errorf("no flags: %+v, %v", f, err)
	}
	want := Hostile()
	want.Lost, want.AutoPay, want.MaxDelay = 0.9, 1, 3*time.Second
	if f, err := parse("-faults", "hostile", "-fault-lost", "0.9", "-autopay", "1", "-fault-max-delay", "3s"); err != nil ||
		f.withDefaults() != want.withDefaults() {
		t.Errorf("%+v, %v", f, err)
	}
	for _, args := range [][]string{{"-faults", "some"}, {"-fault-lost", "often"}} {
		if _, err := parse(args...); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
	for _, f := range []Faults{
		{Lost: -0.1}, {Lost: 1.1}, {Lost: math.NaN()}, {MaxDelay: -1}, {MaxDelay: time.Hour}, {AutoPayWithin: -1}, {AutoPayWithin: 2 * time.Hour},
	} {
		if f.check() == nil {
			t.Errorf("%+v was taken", f)
		}
	}
	for _, f := range []Faults{None(), Hostile()} {
		if err := f.check(); err != nil {
			t.Error(err)
		}
	}
}

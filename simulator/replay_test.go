package simulator

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

// run is a day's work of a hostile simulator.
type run struct {
	seed       uint64
	id         string             // of attempts: a format for their numbers
	address    func(i int) string // to which the payer of a purchase returns; nil for its order's page
	concurrent bool
}

const purchases = 12

// deliveries does the work, and returns what the office got, sorted, without its ids.
func (r run) deliveries(t *testing.T) (got []string) {
	t.Helper()
	faults := Hostile()
	faults.AutoPay, faults.OddPay, faults.MaxDelay = 1, 0.5, quick
	f := newFixture(t, faults, func(o *Options) { o.Seed = r.seed })
	var starts sync.WaitGroup
	var ids []string
	for i := range purchases {
		a := f.attempt(fmt.Sprintf(r.id, i))
		ids = append(ids, a.ID, fmt.Sprintf("#%02d", i))
		if r.address != nil {
			a.ReturnURL = r.address(i)
		}
		start := func() { f.insist(func() error { _, err := f.client.Start(f.context(), a); return err }) }
		if r.concurrent {
			starts.Go(start)
		} else {
			start()
		}
	}
	starts.Wait()
	for id, a := range f.idle().Attempts {
		for i, p := range a.Payments {
			r := payment.Refund{Key: "rf_" + id + "_" + strconv.Itoa(i), PaymentID: p.PaymentID, Reason: "test"}
			r.Amount.Amount, r.Amount.Currency = p.Amount, p.Currency
			f.insist(func() error {
				_, err := f.client.Refund(f.context(), r)
				if errors.Is(err, payment.ErrRefused) { // for a while
					return errors.New(err.Error())
				}
				return err
			})
		}
	}
	f.idle()
	for _, d := range f.got("") {
		got = append(got, strings.NewReplacer(ids...).Replace(d.id+" "+strconv.FormatBool(d.isForged)+" "+d.body))
	}
	slices.Sort(got)
	return got
}

// insist makes a call until the weather lets it through.
func (f *fixture) insist(call func() error) {
	f.Helper()
	tries := 0
	for err := call(); err != nil; err = call() {
		if tries++; tries > 50 || errors.Is(err, payment.ErrRefused) {
			f.Error(err)
			return
		}
	}
}

// A run of the office could not be replayed: the dice were drawn by the ids of attempts, and those are new in each run. The
// same seed deals the same to the same purchases: to the nth, or, where they run at once, to those that return to the same
// addresses.
func TestASeedReplaysWhateverTheIDs(t *testing.T) {
	buyer := func(i int) string { return fmt.Sprintf("http://shop.example/buyer/%d", i) }
	for name, same := range map[string][2]run{
		"one after the other": {{seed: 7, id: "a%02d"}, {seed: 7, id: "other%02d"}},
		"at once": {
			{seed: 7, id: "a%02d", address: buyer},
			{seed: 7, id: strconv.Itoa(rand.Int()) + "_%02d", address: buyer, concurrent: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := same[0].deliveries(t), same[1].deliveries(t)
			if len(first) < 2*purchases || !slices.Equal(first, second) {
				t.Errorf("the same seed sent\n%s\nand\n%s", strings.Join(first, "\n"), strings.Join(second, "\n"))
			}
			if other := (run{seed: 8, id: "a%02d", address: same[0].address}).deliveries(t); slices.Equal(first, other) {
				t.Error("another seed sent the same")
			}
		})
	}
}

// An order keeps its name whatever is asked of it again, its attempts are counted by themselves, and so are the refunds of a
// payment that are alike. With room for no more names, ids stand for themselves.
func TestNames(t *testing.T) {
	n := newNames(4)
	start := func(order, attempt string) string {
		return n.attempt(webhook.StartBody{OrderID: order, AttemptID: attempt, ReturnURL: "http://shop.example/o/" + order})
	}
	first, again, second := start("o1", "a1"), start("o1", "a1"), start("o1", "a2")
	if first != again || first == second || !strings.HasSuffix(first, "1 attempt 1") || !strings.HasSuffix(second, "1 attempt 2") {
		t.Errorf("%q, %q, %q", first, again, second)
	}
	if other := start("o2", "a3"); !strings.HasSuffix(other, " 2 attempt 1") {
		t.Errorf("the second order's is %q", other)
	}
	if n.of("a2") != second || n.of("nobody") != "nobody" {
		t.Errorf("a2 is %q, and nobody %q", n.of("a2"), n.of("nobody"))
	}
	refund := webhook.RefundBody{Key: "k1", Amount: 100}
	if name := n.refund(refund, "p"); name != "p refund of 100 1" || name != n.refund(refund, "p") || name != n.of("k1") {
		t.Errorf("the refund is %q", name)
	}
	if got := start("o3", "a4"); got != "a4" {
		t.Errorf("without room: %q", got)
	}
	if got := n.refund(webhook.RefundBody{Key: "k2", Amount: 1}, "p"); got != "k2" {
		t.Errorf("without room: %q", got)
	}
}

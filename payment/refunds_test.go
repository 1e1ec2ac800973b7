package payment

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/order"
)

// Refunds were written down and never sent. Every reason for one, and none is forgotten.
func TestEveryReasonSendsMoneyBack(t *testing.T) {
	act := audit.Act{Actor: "me", Note: "the projector is broken"}
	for name, c := range map[string]struct {
		make   func(f *fixture)
		reason order.RefundReason
		amount int64
	}{
		"late":         {func(f *fixture) { f.lateRefund() }, order.OrderCancelled, 9800},
		"twice":        {func(f *fixture) { o := f.create(time.Hour); f.pay(o, 9800); f.pay(o, 9800) }, order.AlreadyPaid, 9800},
		"wrong amount": {func(f *fixture) { f.pay(f.create(time.Hour), 9700) }, order.WrongAmount, 9700},
		"no order":     {func(f *fixture) { f.pay(f.reserve(time.Hour), 9800); f.advance(defaultParkedLimit + time.Second) }, order.NoOrder, 9800},
		"no order, by a person": {func(f *fixture) {
			id := f.pay(event.Order{ID: "archived"}, 9800)
			f.advance(defaultParkedLimit + time.Second)
			f.work()
			if n := len(f.refunds(RefundStates()...)); n != 0 {
				f.t.Errorf("%d refunds of money that may have paid an archived order", n)
			}
			if err := f.orders.RefundParked(f.t.Context(), "fake:"+id, act); err != nil {
				f.t.Fatal(err)
			}
		}, order.NoOrder, 9800},
		"cancelled by the office": {func(f *fixture) {
			o := f.create(time.Hour)
			f.pay(o, 9800)
			for range 2 { // to repeat it changes nothing
				if _, err := f.orders.CancelPaid(f.t.Context(), o.ID, act); err != nil {
					f.t.Fatal(err)
				}
			}
			f.wantOrder(o.ID, order.Cancelled, order.CancelByOffice)
		}, order.OrderCancelled, 9800},
		"a part": {func(f *fixture) {
			o := f.create(time.Hour)
			f.pay(o, 9800)
			for range 2 {
				if _, err := f.orders.RefundPart(f.t.Context(), o.ID, "key", 4900, act); err != nil {
					f.t.Fatal(err)
				}
			}
			f.wantOrder(o.ID, order.Paid, "")
		}, order.ByOffice, 4900},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			c.make(f)
			f.work()
			r := f.wantRefund(refundDone)
			if of, err := f.payments.RefundsOf(t.Context(), r.OrderID); err != nil || len(of) != 1 || of[0].ID != r.ID {
				t.Errorf("the refunds of its order are %+v, %v", of, err)
			}
			if r.Reason != string(c.reason) || r.Amount.Amount != c.amount || f.provider.sentBack != c.amount {
				t.Errorf("refund %+v, and the provider sent %d back", r, f.provider.sentBack)
			}
			f.wantBalanced()
		})
	}
}

// Parts and the rest: never more goes back than came, whoever asks for it, and however many at once.
func TestPartsNeverExceedThePayment(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.pay(o, 9800)
	act := audit.Act{Actor: "me", Note: "why"}
	var asks sync.WaitGroup
	for i := range 8 {
		asks.Go(func() {
			_, err := f.orders.RefundPart(t.Context(), o.ID, fmt.Sprint("key-", i), 3000, act)
			if err != nil && !errors.Is(err, order.ErrRefundTooLarge) {
				t.Error(err)
			}
		})
	}
	asks.Wait()
	if n := len(f.refunds(RefundStates()...)); n != 3 {
		t.Errorf("%d parts of 30 from 98", n)
	}
	if _, err := f.orders.RefundPart(t.Context(), o.ID, "small", 300, act); err != nil {
		t.Error(err)
	}
	if _, err := f.orders.RefundPart(t.Context(), o.ID, "small", 301, act); !errors.Is(err, order.ErrRefundKeyUsed) {
		t.Errorf("%v: the key is that of another amount", err)
	}
	if _, err := f.orders.CancelPaid(t.Context(), o.ID, act); err != nil {
		t.Fatal(err)
	}
	f.work()
	if f.provider.sentBack != 9800 {
		t.Errorf("%d went back of 9800", f.provider.sentBack)
	}
	f.wantBalanced()
	for _, id := range []string{o.ID, "nobody"} {
		if _, err := f.orders.RefundPart(t.Context(), id, "late", 1, act); !errors.Is(err, order.ErrNotPaid) && !errors.Is(err,
			order.ErrOrderAbsent) {
			t.Errorf("a part of %s: %v", id, err)
		}
	}
}

// The answer to a refund was lost after the money had gone: the same key asks again, and the money goes once.
func TestRefundWithoutAnAnswerIsSentAgainAsTheSame(t *testing.T) {
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.cut["refund"] = true })
	f.work()
	f.wantRefund(refundFailed)
	f.provider.set(func(p *fakeProvider) { p.cut["refund"] = false })
	f.work()
	if n := f.provider.count("refund"); n != 1 {
		t.Errorf("sent %d times without a pause", n)
	}
	f.advance(lastRefundPause)
	f.work()
	f.wantRefund(refundDone)
	f.wantBalanced()
}

// A provider that is away is tried with growing pauses, a bounded number of times; then a person has to look, and can
// have it sent again with the same key, because it may have been sent.
func TestRefundThatGetsNoAnswerEndsWithAPerson(t *testing.T) {
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.cut["refund"] = true })
	for range 2 * refundTries {
		f.work()
		f.advance(lastRefundPause)
	}
	if n := f.provider.count("refund"); n != refundTries {
		t.Errorf("tried %d times, want %d", n, refundTries)
	}
	r := f.wantRefund(refundNeedsAttention)
	f.provider.set(func(p *fakeProvider) { p.cut["refund"] = false })
	f.retry(r, "it is back")
	f.work()
	f.wantRefund(refundDone)
	f.wantBalanced()
}

// A provider that has refused or given up a refund is asked again only by a person, and then under another key: under the
// old one it would only repeat its answer.
func TestRefundThatIsGivenUpGetsANewKey(t *testing.T) {
	for name, fail := range map[string]func(*fakeProvider){
		"refused":  func(p *fakeProvider) { p.fail["refund"] = ErrRefused },
		"given up": func(p *fakeProvider) { p.keys[p.onlyKey] = RefundStatus{State: RefundFailed, Detail: "account closed"} },
	} {
		t.Run(name, func(t *testing.T) {
			f := newLateRefund(t)
			r := f.wantRefund(refundDue)
			f.provider.set(func(p *fakeProvider) { p.onlyKey = r.ID; fail(p) })
			f.work()
			f.advance(lastRefundPause)
			f.work()
			if n := f.provider.count("refund"); n != 1 {
				t.Errorf("asked %d times", n)
			}
			if got := f.wantRefund(refundNeedsAttention); got.Detail == "" {
				t.Errorf("nobody is told why: %+v", got)
			}
			f.provider.set(func(p *fakeProvider) { p.fail["refund"] = nil })
			f.retry(r, "they have a new account")
			f.work()
			f.wantRefund(refundDone)
			if _, again := f.provider.keys[r.ID+"_1"]; !again {
				t.Errorf("sent by the keys %v", f.provider.keys)
			}
			f.wantBalanced()
		})
	}
}

// The provider's last word on the old key comes after the refund was sent anew: it is not about the new one.
func TestLateWordOnAnOldKeyChangesNothing(t *testing.T) {
	f, r := newRefusedRefund(t)
	f.retry(r, "why not")
	f.provider.set(func(p *fakeProvider) { p.fail["refund"], p.pending = nil, true })
	f.work()
	f.tell(r.ID, RefundFailed)
	f.wantRefund(refundSent)
	f.tell(r.ID+"_1", RefundDone)
	f.wantRefund(refundDone)
	f.tell(r.ID+"_1", RefundPending) // events come in any order
	f.wantRefund(refundDone)
	f.provider.set(func(p *fakeProvider) { p.keys[r.ID+"_1"] = RefundStatus{State: RefundFailed} })
	f.tell(r.ID+"_1", RefundFailed) // a bank has sent it back
	f.wantRefund(refundNeedsAttention)
}

// Money on its way is asked for until it is back, and a callback can be faster.
func TestPendingRefundIsFollowed(t *testing.T) {
	for name, follow := range map[string]func(f *fixture, r RefundInfo){
		"asked": func(f *fixture, r RefundInfo) {
			f.provider.set(func(p *fakeProvider) { p.keys[r.ID] = RefundStatus{State: RefundDone} })
			f.advance(lastRefundPause)
			f.work()
		},
		"told": func(f *fixture, r RefundInfo) {
			for range 2 {
				if _, err := f.callback("open sesame", Report{ID: "evt", Refunds: []RefundReport{
					{Key: r.ID, RefundStatus: RefundStatus{State: RefundDone}},
					{Key: "rf_nobody", RefundStatus: RefundStatus{State: RefundDone}},
					{Key: r.ID + "_7", RefundStatus: RefundStatus{State: RefundFailed}},
				}}); err != nil {
					f.t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newLateRefund(t)
			f.provider.set(func(p *fakeProvider) { p.pending = true })
			f.work()
			r := f.wantRefund(refundSent)
			f.advance(lastRefundPause)
			f.work()
			f.wantRefund(refundSent)
			if _, err := f.payments.SettleByHand(t.Context(), r.ID, audit.Act{Actor: "me", Note: "cash"}); !errors.Is(err, ErrRefundInFlight) {
				t.Errorf("%v: a person may not pay again what is on its way", err)
			}
			follow(f, r)
			f.wantRefund(refundDone)
			f.wantBalanced()
			if n := f.provider.count("refund"); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

// What a person settles is sent no more, and who did it, when and why is on record.
func TestSettledByHand(t *testing.T) {
	f, r := newRefusedRefund(t)
	settled := f.now()
	f.settle(r, "paid in cash")
	f.advance(lastRefundPause)
	f.work()
	f.wantRefund(refundSettled)
	if _, err := f.payments.Retry(t.Context(), r.ID, audit.Act{Actor: "me", Note: "again"}); !errors.Is(err, ErrRefundInFlight) {
		t.Errorf("%v: it is settled", err)
	}
	if _, err := f.payments.Retry(t.Context(), "rf_nobody", audit.Act{}); !errors.Is(err, ErrRefundAbsent) {
		t.Errorf("%v, want no such refund", err)
	}
	acts, err := f.orders.Acts(t.Context(), audit.Filter{Subject: r.ID}, 10)
	if err != nil || len(acts) != 1 || acts[0].Actor != "me" || acts[0].Note != "paid in cash" || acts[0].What != "settle_refund" ||
		!acts[0].At.Equal(settled) || string(acts[0].Before) != `{"state":"needs_attention"}` || string(acts[0].After) != `{"state":"settled"}` {
		t.Errorf("acts %+v, %v", acts, err)
	}
}

// A worker dies at any point: before the provider has the refund, after it, and before the row says so. Another one
// sends it again once the lease is over, and the money goes once.
func TestRefundSurvivesItsWorker(t *testing.T) {
	for name, die := range map[string]func(f *fixture, cancel context.CancelFunc){
		"before the provider has it": func(f *fixture, cancel context.CancelFunc) {
			f.provider.set(func(p *fakeProvider) { p.fail["refund"] = errAway })
			cancel()
		},
		"after the provider has it": func(f *fixture, cancel context.CancelFunc) {
			f.provider.set(func(p *fakeProvider) { p.cut["refund"] = true })
			cancel()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newLateRefund(t)
			rows, err := f.payments.openRefunds(t.Context(), "fake", f.now(), 10)
			if err != nil || len(rows) != 1 {
				t.Fatalf("%v, %v", rows, err)
			}
			row := rows[0]
			claimed, err := f.payments.claimRefund(t.Context(), row)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			die(f, cancel)
			_, _ = f.payments.callForRefund(ctx, f.provider, claimed) // and the process is gone
			f.provider.set(func(p *fakeProvider) { p.fail["refund"], p.cut["refund"] = nil, false })
			f.work()
			f.wantRefund(refundDue)
			if err := f.payments.sendOne(t.Context(), f.provider, row); !errors.Is(err, db.ErrConflict) {
				t.Errorf("%v: another worker has it", err)
			}
			f.advance(claimLease)
			f.work()
			f.wantRefund(refundDone)
			f.wantBalanced()
		})
	}
}

// Many workers, many refunds, a provider that loses half of its answers: each goes back once.
func TestWorkersShareTheRefunds(t *testing.T) {
	f := newFixture(t)
	const refunds = 40
	for range refunds {
		f.lateRefund()
	}
	for round := range 6 {
		f.provider.set(func(p *fakeProvider) { p.cut["refund"] = round%2 == 0 })
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(func() {
				if err := f.newService().Work(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		workers.Wait()
		f.advance(lastRefundPause)
	}
	if done := len(f.refunds(refundDone)); done != refunds || f.provider.sentBack != refunds*9800 {
		t.Errorf("%d refunds are done, and %d went back", done, f.provider.sentBack)
	}
	if n := f.provider.count("refund"); n != 2*refunds {
		t.Errorf("%d refunds were sent %d times, want each twice", refunds, n)
	}
	f.wantBalanced()
}

// A ledger that cannot be unbalanced proves nothing.
func TestLedgerNoticesWhatIsMissingOrDoubled(t *testing.T) {
	for name, statement := range map[string]string{
		"a refund without its row":          `DELETE FROM refunds`,
		"a refund of another amount":        `UPDATE refunds SET amount = amount + 1`,
		"a paid order without its payment":  `DELETE FROM payments WHERE result = 'applied'`,
		"a payment whose order is not paid": `UPDATE orders SET state = 'CANCELLED', cancel_reason = 'buyer' WHERE state = 'PAID'`,
		"money that is nowhere":             `UPDATE payments SET amount = amount + 1 WHERE result = 'applied'`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newLateRefund(t)
			f.pay(f.create(time.Hour), 9800)
			f.wantBalanced()
			f.exec(statement)
			ledgers, err := f.payments.Ledgers(t.Context())
			if err != nil || len(ledgers) != 1 || ledgers[0].Balanced() {
				t.Errorf("ledgers %+v, %v", ledgers, err)
			}
		})
	}
}

// A refund that a worker has claimed was settled by hand as well, and the money went back twice.
func TestOnlyWhatNeedsAPersonIsSettledByHand(t *testing.T) {
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = errAway })
	f.work()
	r := f.wantRefund(refundFailed)
	if _, err := f.payments.SettleByHand(t.Context(), r.ID, audit.Act{Actor: "me", Note: "cash"}); !errors.Is(err, ErrRefundInFlight) {
		t.Errorf("settled what is tried again: %v", err)
	}
}

// Payments that are kept for a person, the oldest, kept all others from going back.
func TestKeptPaymentsHoldUpNoOthers(t *testing.T) {
	f := newFixture(t)
	for range 300 {
		f.pay(event.Order{ID: "archived"}, 100)
	}
	f.pay(f.reserve(time.Hour), 9800)
	f.advance(defaultParkedLimit + time.Second)
	f.work()
	if r := f.wantRefund(refundDone); r.Amount.Amount != 9800 {
		t.Errorf("refund %+v", r)
	}
	f.wantBalanced()
}

package payment

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
)

// teller takes what is published of refunds.
type teller struct {
	told []event.SentRefund
	err  error  // of a broker that is away
	then func() // is called once a message is stored; may be nil
}

func (p *teller) tell(_ context.Context, sent event.RefundsSent) error {
	if p.err != nil {
		return p.err
	}
	p.told = append(p.told, sent.Refunds...)
	if p.then != nil {
		p.then()
	}
	return nil
}

func (p *teller) want(t *testing.T, refunds ...RefundInfo) {
	t.Helper()
	if len(p.told) != len(refunds) {
		t.Fatalf("told of %+v, want %d refunds", p.told, len(refunds))
	}
	for i, r := range refunds {
		if want := (event.SentRefund{ID: r.ID, OrderID: r.OrderID, Amount: r.Amount, SentAt: r.ChangedAt.UnixMilli()}); p.told[i] != want {
			t.Errorf("told of %+v, want %+v", p.told[i], want)
		}
	}
}

// Whoever gets money back hears of it once it is back, and not before, also when a person has sent it. The broker is away for
// a while, and nobody is forgotten.
func TestRefundIsToldOfOnceItIsBack(t *testing.T) {
	f, p := newFixture(t), &teller{}
	f.payments.TellRefunds = p.tell
	f.lateRefund()
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = ErrRefused })
	f.work()
	stuck := f.wantRefund(refundNeedsAttention)
	p.want(t)
	p.err = errors.New("the broker is away")
	f.settle(stuck, "paid in cash")
	if err := f.payments.Work(t.Context()); !errors.Is(err, p.err) {
		t.Errorf("work: %v", err)
	}
	p.err = nil
	f.work()
	p.want(t, f.wantRefund(refundSettled))
	f.advance(time.Hour)
	f.work()
	p.want(t, f.wantRefund(refundSettled))
}

// A process is killed after the message was stored and before the row says so. The next one tells of it again: who hears it
// knows the refund by its id.
func TestRefundIsToldOfAfterADeath(t *testing.T) {
	f, p := newFixture(t), &teller{}
	dying := f.newService()
	dying.TellRefunds = p.tell
	f.lateRefund()
	f.work() // by a service that tells nobody
	r := f.wantRefund(refundDone)
	ctx, kill := context.WithCancel(t.Context())
	p.then = kill
	if _, err := dying.tellRefunds(ctx); err == nil {
		t.Error("the row was written by a dead process")
	}
	p.then = nil
	f.payments.TellRefunds = p.tell
	f.work()
	p.want(t, r, r)
	f.work()
	p.want(t, r, r)
}

// More refunds than one message holds are all told of.
func TestManyRefundsAreToldOf(t *testing.T) {
	f, p := newFixture(t), &teller{}
	for range tellLimit + 5 {
		o := f.create(time.Hour)
		f.pay(o, 9800)
		f.pay(o, 9800)
	}
	f.work()
	f.payments.TellRefunds = p.tell
	f.work()
	ids := map[string]bool{}
	for _, r := range p.told {
		ids[r.ID] = true
	}
	if len(ids) != tellLimit+5 || len(p.told) != len(ids) {
		t.Errorf("told of %d refunds in %d", len(ids), len(p.told))
	}
	if n, err := f.payments.tellRefunds(t.Context()); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

// To look for refunds to tell of reads those alone, however many have been told of: the look is made every second. The
// database took the index of all refunds by their state for it.
func TestTellingReadsOnlyWhatIsUntold(t *testing.T) {
	f := newFixture(t)
	plan := dbtest.Plan(t, f.db, untoldSelect, tellLimit)
	if !strings.Contains(plan, "refunds_untold") {
		t.Errorf("the plan is %s", plan)
	}
}

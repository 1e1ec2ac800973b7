package payment

import (
	"testing"
	"time"

	"boxoffice/common/audit"
)

// newLateRefund returns a fixture with a refund that is due: money for a cancelled order.
func newLateRefund(t testing.TB) *fixture {
	t.Helper()
	f := newFixture(t)
	f.lateRefund()
	return f
}

// newRefusedRefund returns a fixture with a refund that its provider refuses, and that needs a person.
func newRefusedRefund(t testing.TB) (*fixture, RefundInfo) {
	t.Helper()
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = ErrRefused })
	f.work()
	return f, f.wantRefund(refundNeedsAttention)
}

// newDoneRefund returns a fixture with a refund whose money is back.
func newDoneRefund(t testing.TB) (*fixture, RefundInfo) {
	t.Helper()
	f := newLateRefund(t)
	f.work()
	return f, f.wantRefund(refundDone)
}

// lateRefund makes a refund: money for a cancelled order.
func (f *fixture) lateRefund() {
	f.t.Helper()
	o := f.create(time.Hour)
	if _, err := f.orders.Cancel(f.t.Context(), o, true); err != nil {
		f.t.Fatal(err)
	}
	f.pay(o, 9800)
}

func (f *fixture) refunds(states ...string) []RefundInfo {
	f.t.Helper()
	infos, _, err := f.payments.Refunds(f.t.Context(), states, "", 100)
	if err != nil {
		f.t.Fatal(err)
	}
	return infos
}

// wantRefund checks that one refund there is has this state, and returns it.
func (f *fixture) wantRefund(state string) RefundInfo {
	f.t.Helper()
	all := f.refunds(RefundStates()...)
	if len(all) != 1 || all[0].State != state {
		f.t.Fatalf("refunds are %+v, want one that is %s", all, state)
	}
	return all[0]
}

// tell lets the provider's callback say how a refund stands.
func (f *fixture) tell(key string, state RefundState) {
	f.t.Helper()
	report := Report{ID: "evt", Refunds: []RefundReport{{Key: key, RefundStatus: RefundStatus{State: state}}}}
	if _, err := f.callback("open sesame", report); err != nil {
		f.t.Fatal(err)
	}
}

// retry has a person send a refund again.
func (f *fixture) retry(r RefundInfo, note string) {
	f.t.Helper()
	if _, err := f.payments.Retry(f.t.Context(), r.ID, audit.Act{Actor: "me", Note: note}); err != nil {
		f.t.Fatal(err)
	}
}

// settle has a person send the money of a refund back by other means.
func (f *fixture) settle(r RefundInfo, note string) {
	f.t.Helper()
	if _, err := f.payments.SettleByHand(f.t.Context(), r.ID, audit.Act{Actor: "me", Note: note}); err != nil {
		f.t.Fatal(err)
	}
}

package payment

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// callbackOf delivers a callback that a provider has signed.
func (f *fixture) callbackOf(provider string, report Report) Taken {
	f.t.Helper()
	body, err := json.Marshal(report)
	if err != nil {
		f.t.Fatal(err)
	}
	taken, err := f.payments.Callback(f.t.Context(), provider, http.Header{"Word": {"open sesame"}}, body)
	if err != nil {
		f.t.Fatal(err)
	}
	return taken
}

// Two providers sign, each with keys of its own, and nothing held one to what is its own: whoever has got the keys of one of
// them could have had the other one's refunds taken for done, and its payers' attempts for closed.
func TestCallbackOfOneProviderSaysNothingOfAnothers(t *testing.T) {
	t.Run("refund", func(t *testing.T) {
		f := newLateRefund(t)
		f.provider.set(func(p *fakeProvider) { p.pending = true })
		f.work()
		r := f.wantRefund(refundSent)
		for _, state := range []RefundState{RefundDone, RefundFailed, RefundStuck} {
			f.callbackOf("other", Report{ID: "evt", Refunds: []RefundReport{{r.ID, RefundStatus{State: state, Reference: "theirs"}}}})
			if got := f.wantRefund(refundSent); got != r {
				t.Errorf("after a callback of another provider, %s, the refund is %+v, want %+v", state, got, r)
			}
		}
		f.callbackOf("fake", Report{ID: "evt", Refunds: []RefundReport{{r.ID, RefundStatus{State: RefundDone}}}})
		f.wantRefund(refundDone)
	})
	t.Run("attempt", func(t *testing.T) {
		f := newFixture(t)
		o := f.create(time.Hour)
		opened := f.start(o)
		f.callbackOf("other", Report{ID: "evt", Closed: []string{opened.ID}})
		if again := f.start(o); again.ID != opened.ID {
			t.Error("a callback of another provider has closed an attempt that can still be paid")
		}
		f.callbackOf("fake", Report{ID: "evt", Closed: []string{opened.ID}})
		if again := f.start(o); again.ID == opened.ID {
			t.Error("its own provider's callback has not closed it")
		}
	})
	t.Run("payment", func(t *testing.T) {
		f := newFixture(t)
		f.other.shared = true
		o := f.create(time.Hour)
		opened := f.start(o)
		taken := f.callbackOf("other", Report{ID: "evt", Payments: []Payment{
			{ID: "theirs", AttemptID: opened.ID, OrderID: o.ID, Amount: o.Amount},
		}})
		if len(taken.Payments) != 0 {
			t.Errorf("taken %+v for an attempt that was not made with this provider", taken)
		}
		f.wantOrder(o.ID, "PENDING_PAYMENT", "")
		f.wantBalanced()
	})
}

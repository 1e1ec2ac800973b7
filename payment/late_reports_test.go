package payment

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// WeChat Pay's ABNORMAL was answered with 503, and came again after SUCCESS: a refund that was done needed a person, who paid
// it again by hand. What is done is undone only when the provider, asked, says so too.
func TestLateFailureOfADoneRefundIsAskedFor(t *testing.T) {
	for state, failing := range map[RefundState]bool{RefundStuck: false, RefundFailed: true} {
		f, r := newDoneRefund(t)
		f.tell(r.ID, state)
		f.wantRefund(refundDone)
		f.provider.set(func(p *fakeProvider) { p.fail["query refund"] = errAway })
		body, err := json.Marshal(Report{ID: "evt", Refunds: []RefundReport{{r.ID, RefundStatus{State: state}}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.payments.Callback(t.Context(), "fake", http.Header{"Word": {"open sesame"}}, body); !errors.Is(err, ErrProviderAway) {
			t.Errorf("%v: the callback is to come again", err)
		}
		f.wantRefund(refundDone)
		f.provider.set(func(p *fakeProvider) { p.fail["query refund"], p.keys[r.ID] = nil, RefundStatus{State: state} })
		f.tell(r.ID, state)
		f.wantRefund(refundNeedsAttention)
		if row, err := f.payments.findRefund(t.Context(), r.ID); err != nil || row.Spent != failing {
			t.Errorf("%s: spent %t, %v", state, row.Spent, err)
		}
	}
}

// A late "failed" came of a refund that was done, while the office's key had lost its permission: the question was refused. That
// says nothing of the refund, and who believed the report would have sent the money again. It is to come again.
func TestRefusedQuestionAfterALateFailureUndoesNothing(t *testing.T) {
	f, r := newDoneRefund(t)
	f.provider.set(func(p *fakeProvider) { p.fail["query refund"] = ErrRefused })
	report := Report{ID: "evt", Refunds: []RefundReport{{r.ID, RefundStatus{State: RefundFailed}}}}
	if _, err := f.callback("open sesame", report); !errors.Is(err, ErrProviderAway) {
		t.Errorf("%v: the callback is to come again", err)
	}
	f.wantRefund(refundDone)
	f.provider.set(func(p *fakeProvider) { p.fail["query refund"] = nil })
	if _, err := f.callback("open sesame", report); err != nil {
		t.Error(err)
	}
	f.wantRefund(refundDone) // as the provider says when it is asked
}

// A refund was carried out and its answer lost; the next call was refused, as one of more than is left. It was taken for
// refused, and whoever sent it again sent it under another key: a part of a payment would have gone back twice.
func TestRefusalAfterALostAnswerIsAskedAbout(t *testing.T) {
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.cut["refund"] = true })
	f.work()
	f.wantRefund(refundFailed)
	f.provider.set(func(p *fakeProvider) {
		p.cut["refund"], p.fail["refund"], p.fail["query refund"] = false, ErrRefused, errAway
	})
	f.advance(time.Hour)
	f.work()
	f.wantRefund(refundFailed) // nobody knows yet
	f.provider.set(func(p *fakeProvider) { p.fail["query refund"] = nil })
	f.advance(time.Hour)
	f.work()
	f.wantRefund(refundDone)
}

// A provider without an API cannot be asked: what it reports is all that is known.
func TestFailureOfADoneRefundWithoutAnyoneToAsk(t *testing.T) {
	f, r := newDoneRefund(t)
	f.provider.set(func(p *fakeProvider) { p.fail["query refund"] = ErrUnsupported })
	f.tell(r.ID, RefundFailed)
	f.wantRefund(refundNeedsAttention)
}

// A refund was settled by hand, and its provider had sent it after all: the callback was dropped, and nobody knew that the
// money had gone twice. A person is told, once.
func TestRefundThatIsBackAfterItWasSettledIsShown(t *testing.T) {
	f, r := newRefusedRefund(t)
	f.settle(r, "cash")
	f.tell(r.ID, RefundFailed)
	f.tell(r.ID, RefundPending)
	f.wantRefund(refundSettled)
	for range 2 {
		f.tell(r.ID, RefundDone)
		if got := f.wantRefund(refundNeedsAttention); !strings.Contains(got.Detail, "twice") {
			t.Errorf("nobody is told why: %+v", got)
		}
	}
	f.settle(r, "cash")
	f.tell(r.ID, RefundDone)
	f.wantRefund(refundSettled)
}

// A refund was refused, sent anew under another key, and the provider had made the first one all the same.
func TestRefundThatIsBackUnderAnEarlierKeyIsShown(t *testing.T) {
	f, r := newRefusedRefund(t)
	f.retry(r, "again")
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = nil })
	f.tell(r.ID, RefundDone)
	f.work()
	if got := f.wantRefund(refundNeedsAttention); !strings.Contains(got.Detail, "twice") || f.provider.sentBack != 0 {
		t.Errorf("refund %+v, and %d went back under the other key too", got, f.provider.sentBack)
	}
	f.tell(r.ID+"_2", RefundDone) // which it never had
	f.tell(r.ID+"_x", RefundDone)
	f.wantRefund(refundNeedsAttention)
}

// A provider named a key that no refund ever had, "..._-1": it was taken for an earlier one, and a refund that had gone once was
// shown as one that may have gone twice.
func TestKeyThatNoRefundHadSaysNothing(t *testing.T) {
	f, r := newDoneRefund(t)
	for _, end := range []string{"_-1", "_0", "_1", "_01", "_", "_x", "_1_1"} {
		f.tell(r.ID+end, RefundDone)
		f.tell(r.ID+end, RefundFailed)
		if got := f.wantRefund(refundDone); got.Detail != "" {
			t.Errorf("%s: %q", end, got.Detail)
		}
	}
}

// A late "pending" made a refund that its provider had refused for good one that is on its way.
func TestLatePendingUndoesNoRefusal(t *testing.T) {
	f, r := newRefusedRefund(t)
	f.tell(r.ID, RefundPending)
	f.wantRefund(refundNeedsAttention)
	f.provider.set(func(p *fakeProvider) { p.keys[r.ID] = RefundStatus{State: RefundDone} })
	f.tell(r.ID, RefundDone)
	f.wantRefund(refundDone)
}

// newRefundFailedLater makes a refund that its provider had under way and has failed since, so that a person has to look.
func newRefundFailedLater(t *testing.T) (*fixture, RefundInfo) {
	t.Helper()
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.pending = true })
	f.work()
	r := f.wantRefund(refundSent)
	f.provider.set(func(p *fakeProvider) { p.keys[r.ID] = RefundStatus{State: RefundFailed} })
	f.tell(r.ID, RefundFailed)
	f.wantRefund(refundNeedsAttention)
	return f, r
}

// A bank returned a refund days after it was done, and a person was to look. Then the callback came that had told of "done" before,
// which the office had not taken then (Stripe sends such a one again for three days, signed anew): the refund was done in the
// books, and the payer never got the money. What its provider has failed is done only if the provider, asked, says so too.
func TestLateDoneOfAFailedRefundIsAskedFor(t *testing.T) {
	f, r := newRefundFailedLater(t)
	f.tell(r.ID, RefundDone)
	f.wantRefund(refundNeedsAttention)
	report := Report{ID: "evt", Refunds: []RefundReport{{r.ID, RefundStatus{State: RefundDone}}}}
	for _, fails := range []error{errAway, ErrRefused} {
		f.provider.set(func(p *fakeProvider) { p.fail["query refund"] = fails })
		if _, err := f.callback("open sesame", report); !errors.Is(err, ErrProviderAway) {
			t.Errorf("%v: the callback is to come again", err)
		}
		f.wantRefund(refundNeedsAttention)
	}
	f.provider.set(func(p *fakeProvider) {
		p.fail["query refund"], p.keys[r.ID] = nil, RefundStatus{State: RefundDone} // the bank has taken it after all
	})
	f.tell(r.ID, RefundDone)
	f.wantRefund(refundDone)
}

// A bank took a refund after all that its provider had failed. The callback said so while the provider, asked, still called it
// under way: the callback was dropped, a person was to look, and whoever had it sent again sent it twice.
func TestLateDoneThatIsStillUnderWayIsWaitedFor(t *testing.T) {
	f, r := newRefundFailedLater(t)
	f.provider.set(func(p *fakeProvider) { p.keys[r.ID] = RefundStatus{State: RefundPending} })
	f.tell(r.ID, RefundDone)
	f.wantRefund(refundSent)
	f.tell(r.ID, RefundDone)
	f.wantRefund(refundDone)
}

// While a worker waited for its provider's answer, a callback brought the refund to a person, who settled it. The answer, that
// the money was back, was dropped.
func TestAnswerAfterADecisionIsNotDropped(t *testing.T) {
	f := newLateRefund(t)
	release := make(chan struct{})
	f.provider.set(func(p *fakeProvider) { p.hang = release })
	done := make(chan error)
	go func() { done <- f.payments.Work(t.Context()) }()
	f.eventually("a worker sends the refund", func() bool {
		row, err := f.payments.findRefund(t.Context(), f.refunds(RefundStates()...)[0].ID)
		return err == nil && row.Tries == 1
	})
	r := f.wantRefund(refundDue)
	f.tell(r.ID, RefundStuck)
	f.settle(r, "cash")
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := f.wantRefund(refundNeedsAttention); !strings.Contains(got.Detail, "twice") {
		t.Errorf("refund %+v", got)
	}
}

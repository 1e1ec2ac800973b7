package simulator

import (
	"errors"
	"testing"

	"boxoffice/payment"
)

func TestRefundPending(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.RefundPending = p }, func(f *fixture, happens bool) {
		f.start("a1")
		r := refundOf(f.pay("a1"), "rf_1", 9800)
		answer, err := f.client.Refund(f.context(), r)
		if got := answer.State == payment.RefundPending; err != nil || got != happens || !got && answer.State != payment.RefundDone {
			f.Errorf("%+v, %v", answer, err)
		}
		f.idle()
		if f.refunds["rf_1"] != payment.RefundDone {
			f.Errorf("the office learned %v", f.refunds)
		}
		if answer, err := f.client.QueryRefund(f.context(), r); err != nil || answer.State != payment.RefundDone {
			f.Errorf("%+v, %v", answer, err)
		}
	})
}

func TestRefundFails(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.RefundFails = p }, func(f *fixture, happens bool) {
		f.start("a1")
		p := f.pay("a1")
		want, back := payment.RefundDone, int64(9800)
		if happens {
			want, back = payment.RefundFailed, 0
		}
		for range 2 {
			if answer, err := f.client.Refund(f.context(), refundOf(p, "rf_1", 9800)); err != nil || answer.State != want {
				f.Errorf("%+v, %v", answer, err)
			}
		}
		if books := f.idle(); books.SentBack["CNY"] != back || f.refunds["rf_1"] != want {
			f.Errorf("%d sent back; the office learned %v", books.SentBack["CNY"], f.refunds)
		}
		_, err := f.client.Refund(f.context(), refundOf(p, "rf_2", 9800)) // which a failed one leaves room for
		if got := err == nil; got != happens {
			f.Errorf("another key: %v", err)
		}
	})
}

func TestRefundPendingFails(t *testing.T) {
	f := newFixture(t, Faults{RefundPending: 1, RefundFails: 1})
	f.start("a1")
	p := f.pay("a1")
	if answer, err := f.client.Refund(f.context(), refundOf(p, "rf_1", 1)); err != nil || answer.State != payment.RefundPending {
		t.Errorf("%+v, %v", answer, err)
	}
	if books := f.idle(); books.SentBack["CNY"] != 0 || books.Refunds["rf_1"].State != "failed" || f.refunds["rf_1"] != payment.RefundFailed {
		t.Errorf("%+v, the office learned %v", books.Refunds, f.refunds)
	}
}

func TestRefundUnanswered(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.RefundUnanswered = p }, func(f *fixture, happens bool) {
		f.start("a1")
		r := refundOf(f.pay("a1"), "rf_1", 9800)
		if _, err := f.client.Refund(f.context(), r); (err != nil) != happens || errors.Is(err, payment.ErrRefused) {
			f.Errorf("the first call: %v", err)
		}
		if answer, err := f.client.Refund(f.context(), r); err != nil || answer.State != payment.RefundDone {
			f.Errorf("the second call: %+v, %v", answer, err)
		}
		if books := f.idle(); books.SentBack["CNY"] != 9800 || books.Refunds["rf_1"].Moved != 1 {
			f.Errorf("the books: %+v", books)
		}
	})
}

// A refund is carried out, and its answer is lost; then the merchant's permission is suspended for a while, and whoever asks is
// refused as well. An office that took that for "unknown" sent the money a second time, and no run against this provider had shown
// it.
func TestRefundRefuses(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.RefundRefuses = p }, func(f *fixture, happens bool) {
		f.start("a1")
		r := refundOf(f.pay("a1"), "rf_1", 4000)
		if _, err := f.client.Refund(f.context(), r); (err != nil) != happens || errors.Is(err, payment.ErrRefused) {
			f.Errorf("the first call: %v", err)
		}
		_, again := f.client.Refund(f.context(), r)
		_, asked := f.client.QueryRefund(f.context(), r)
		for _, err := range []error{again, asked} {
			if errors.Is(err, payment.ErrRefused) != happens || errors.Is(err, payment.ErrUnknownRefund) {
				f.Errorf("afterwards: %v", err)
			}
		}
		if answer, err := f.client.Refund(f.context(), r); err != nil || answer.State != payment.RefundDone {
			f.Errorf("when the while is over: %+v, %v", answer, err)
		}
		if books := f.idle(); books.SentBack["CNY"] != 4000 || books.Refunds["rf_1"].Moved != 1 || books.Counts.Suspended > 0 != happens {
			f.Errorf("the books: %+v", books)
		}
	})
}

// A provider that forgets the keys of refunds sends money twice, and its books say so: a check of them for doubles can fail.
func TestRefundForgets(t *testing.T) {
	both(t, func(f *Faults, p float64) { f.RefundForgets = p }, func(f *fixture, happens bool) {
		f.start("a1")
		r := refundOf(f.pay("a1"), "rf_1", 4000)
		want := 1
		if happens {
			want = 3
		}
		for range 3 {
			if answer, err := f.client.Refund(f.context(), r); err != nil || answer.State != payment.RefundDone {
				f.Errorf("%+v, %v", answer, err)
			}
		}
		if books := f.idle(); books.Refunds["rf_1"].Moved != want || books.SentBack["CNY"] != int64(want)*4000 || books.Counts.TooMuch != 0 {
			f.Errorf("moved %d times, want %d: %+v", books.Refunds["rf_1"].Moved, want, books.Totals)
		}
		if _, err := f.client.Refund(f.context(), refundOf(payment.Payment{ID: r.PaymentID, Amount: r.Amount}, "rf_2", 9800)); err == nil {
			f.Error("more than what is left was sent")
		}
		if books := f.idle(); books.Counts.TooMuch != 1 {
			f.Errorf("%d refunds of too much were counted, want 1", books.Counts.TooMuch)
		}
	})
}

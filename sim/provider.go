package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/payment"
)

const (
	providerPart    = "provider"
	signatureHeader = "Sim-Signature"
	genuine         = "genuine"
	forgedPrefix    = "forged-"
)

// book is what the payment provider knows: the truth about money. Its clock is right.
type book struct {
	world    *world
	attempts map[string]*attempt
	payments map[string]*paid
	order    []string // of payments
	refunds  map[string]*refunded
}

type attempt struct {
	payment.Attempt
	state    payment.AttemptState
	payments []*paid
}

// hasPaid tells whether the payer has paid what was asked for.
func (a *attempt) hasPaid(amount int64) bool {
	return slices.ContainsFunc(a.payments, func(p *paid) bool { return p.Amount.Amount == amount })
}

// paid is money that the provider has taken.
type paid struct {
	payment.Payment
	at       time.Time
	refunded int64
	accepted bool // the office has answered a callback about it, or a query has brought it
}

type refunded struct {
	payment.Refund
	state payment.RefundState
}

func newBook(w *world) *book {
	return &book{world: w, attempts: map[string]*attempt{}, payments: map[string]*paid{}, refunds: map[string]*refunded{}}
}

// take takes money for an order, with or without an attempt.
func (b *book) take(id string, a *attempt, orderID string, amount event.Money) *paid {
	p := &paid{Payment: payment.Payment{ID: id, OrderID: orderID, Amount: amount}, at: b.world.now}
	if a != nil {
		p.AttemptID, a.state = a.ID, payment.Paid
		a.payments = append(a.payments, p)
	}
	b.payments[id] = p
	b.order = append(b.order, id)
	b.world.note("payer pays %d %s for %s as %s", amount.Amount, amount.Currency, orderID, id)
	return p
}

// caller is a process that calls the provider, which may not get there, and may die.
type caller interface {
	reach(part string) error
	die()
}

// reached is the provider as a process reaches it.
type reached struct {
	*book
	by caller
}

// call carries a call out, unless it does not get there; its answer may be lost.
func (r reached) call(carryOut func() error) error {
	if err := r.by.reach(providerPart); err != nil {
		return err
	}
	err := carryOut()
	if r.world.roll(callUnanswered) {
		return ioError{"the provider's answer is lost"}
	}
	if r.world.roll(crash) {
		r.by.die()
		return ioError{"the process died"}
	}
	r.world.interleave()
	return err
}

func (r reached) Name() string { return order.DefaultProvider }

func (r reached) Start(_ context.Context, a payment.Attempt) (started payment.Started, err error) {
	err = r.call(func() error {
		known := r.attempts[a.ID]
		switch {
		case known == nil:
			known = &attempt{Attempt: a, state: payment.Open}
			r.attempts[a.ID] = known
		case known.state == payment.Closed:
			return fmt.Errorf("%w: attempt %s is closed", payment.ErrRefused, a.ID)
		case known.Amount != a.Amount || known.OrderID != a.OrderID:
			r.world.fail("attempt %s was started as another payment", a.ID)
		}
		started = payment.Started{Reference: "ref-" + a.ID, Action: payment.Action{Kind: payment.ShowQR, QR: "pay:" + a.ID}}
		return nil
	})
	return started, err
}

func (r reached) Query(_ context.Context, a payment.Attempt) (status payment.Status, err error) {
	err = r.call(func() error { status = r.status(a.ID); return nil })
	return status, err
}

func (r reached) Close(_ context.Context, a payment.Attempt) (status payment.Status, err error) {
	err = r.call(func() error {
		known := r.attempts[a.ID]
		if known == nil {
			known = &attempt{Attempt: a, state: payment.Closed}
			r.attempts[a.ID] = known
		}
		if known.state == payment.Open {
			known.state = payment.Closed
		}
		status = r.status(a.ID)
		return nil
	})
	return status, err
}

func (b *book) status(attemptID string) payment.Status {
	known := b.attempts[attemptID]
	if known == nil {
		return payment.Status{State: payment.Closed}
	}
	status := payment.Status{State: known.state}
	for _, p := range known.payments {
		status.Payments = append(status.Payments, p.Payment)
	}
	return status
}

func (r reached) Refund(_ context.Context, refund payment.Refund) (status payment.RefundStatus, err error) {
	err = r.call(func() error { status, err = r.refund(refund); return err })
	return status, err
}

// refund sends money back, once for each key.
func (b *book) refund(refund payment.Refund) (payment.RefundStatus, error) {
	w := b.world
	known := b.refunds[refund.Key]
	if known == nil {
		from := b.payments[refund.PaymentID]
		switch {
		case from == nil:
			w.fail("a refund of payment %s, which never was", refund.PaymentID)
			return payment.RefundStatus{}, payment.ErrRefused
		case refund.Amount.Currency != from.Amount.Currency || from.refunded+refund.Amount.Amount > from.Amount.Amount:
			w.fail("payment %s of %d got %d back and is to get %d more", from.ID, from.Amount.Amount, from.refunded, refund.Amount.Amount)
			return payment.RefundStatus{}, payment.ErrRefused
		}
		from.refunded += refund.Amount.Amount
		known = &refunded{refund, payment.RefundDone}
		if w.chance(30) {
			known.state = payment.RefundPending
		}
		b.refunds[refund.Key] = known
		w.note("refund %s of %d for %s", refund.Key, refund.Amount.Amount, refund.PaymentID)
	}
	return payment.RefundStatus{State: known.state, Reference: "back-" + refund.Key}, nil
}

func (r reached) QueryRefund(_ context.Context, refund payment.Refund) (status payment.RefundStatus, err error) {
	err = r.call(func() error {
		known := r.refunds[refund.Key]
		if known == nil {
			return fmt.Errorf("%w: refund %s is not known", payment.ErrRefused, refund.Key)
		}
		known.state = payment.RefundDone
		status = payment.RefundStatus{State: known.state, Reference: "back-" + refund.Key}
		return nil
	})
	return status, err
}

func (r reached) Verify(_ context.Context, header http.Header, body []byte) (report payment.Report, err error) {
	if header.Get(signatureHeader) != genuine {
		return report, payment.ErrForged
	}
	if err := json.Unmarshal(body, &report); err != nil {
		return report, payment.BadCallback{Detail: err.Error()}
	}
	return report, nil
}

package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/payment"
)

// What a callback is signed with, and how the id of a payment begins that was made up.
const (
	SignatureHeader = "Sim-Signature"
	Genuine         = "genuine"
	ForgedPrefix    = "forged-"
)

// Book is what the payment provider knows: the truth about money. Its clock is right.
type Book struct {
	world    *World
	Attempts map[string]*Attempt
	Payments map[string]*Paid
	Order    []string // of payments
	Refunds  map[string]*Refunded
	OnWay    func(*Refunded) // is told of a refund whose money is on its way
}

// Attempt is a payment that the office has started.
type Attempt struct {
	payment.Attempt
	State     payment.AttemptState
	payments  []*Paid
	Forgotten bool // by a restored database, whose office does not ask for it
}

// HasPaid tells whether the payer has paid what was asked for.
func (a *Attempt) HasPaid(amount int64) bool {
	return slices.ContainsFunc(a.payments, func(p *Paid) bool { return p.Amount.Amount == amount })
}

// Paid is money that the provider has taken.
type Paid struct {
	payment.Payment
	at       time.Time
	Refunded int64
	ByHand   int64 // what a person has sent back besides
	Accepted bool  // the office has answered a callback about it, or a query has brought it

	// What a restored database has forgotten, and cannot find out:
	Forgotten bool // that it came
	Returned  bool // that some of it went back
}

// Refunded is money that went back.
type Refunded struct {
	payment.Refund
	state payment.RefundState
}

// NewBook makes a provider that has taken no money yet.
func NewBook(w *World) *Book {
	return &Book{world: w, Attempts: map[string]*Attempt{}, Payments: map[string]*Paid{}, Refunds: map[string]*Refunded{}}
}

// Take takes money for an order, with or without an attempt.
func (b *Book) Take(id string, a *Attempt, orderID string, amount event.Money) *Paid {
	p := &Paid{Payment: payment.Payment{ID: id, OrderID: orderID, Amount: amount}, at: b.world.Now}
	if a != nil {
		p.AttemptID, a.State = a.ID, payment.Paid
		a.payments = append(a.payments, p)
	}
	b.Payments[id] = p
	b.Order = append(b.Order, id)
	b.world.Note("payer pays %d %s for %s as %s", amount.Amount, amount.Currency, orderID, id)
	return p
}

// Caller is a process that calls the provider, which may not get there, and may die.
type Caller interface {
	Reach(part string) error
	Die()
}

// Reached is the provider as a process reaches it.
type Reached struct {
	*Book
	By Caller
}

// call carries a call out, unless it does not get there; its answer may be lost.
func (r Reached) call(carryOut func() error) error {
	if err := r.By.Reach(ProviderPart); err != nil {
		return err
	}
	err := carryOut()
	if r.world.Roll(callUnanswered) {
		return IOError{"the provider's answer is lost"}
	}
	if r.world.Roll(Crash) {
		r.By.Die()
		return IOError{"the process died"}
	}
	r.world.Interleave()
	return err
}

// Name is that of the provider by which payments come that name none.
func (r Reached) Name() string { return order.DefaultProvider }

// Start opens an attempt, once for each id.
func (r Reached) Start(_ context.Context, a payment.Attempt) (started payment.Started, err error) {
	err = r.call(func() error {
		known := r.Attempts[a.ID]
		switch {
		case known == nil:
			known = &Attempt{Attempt: a, State: payment.Open}
			r.Attempts[a.ID] = known
		case known.State == payment.Closed:
			return fmt.Errorf("%w: attempt %s is closed", payment.ErrRefused, a.ID)
		case known.Amount != a.Amount || known.OrderID != a.OrderID:
			r.world.Fail("attempt %s was started as another payment", a.ID)
		}
		started = payment.Started{Reference: "ref-" + a.ID, Action: payment.Action{Kind: payment.ShowQR, QR: "pay:" + a.ID}}
		return nil
	})
	return started, err
}

// Query says how an attempt stands.
func (r Reached) Query(_ context.Context, a payment.Attempt) (status payment.Status, err error) {
	err = r.call(func() error { status = r.status(a.ID); return nil })
	return status, err
}

// Close closes an attempt that nobody has paid.
func (r Reached) Close(_ context.Context, a payment.Attempt) (status payment.Status, err error) {
	err = r.call(func() error {
		known := r.Attempts[a.ID]
		if known == nil {
			known = &Attempt{Attempt: a, State: payment.Closed}
			r.Attempts[a.ID] = known
		}
		if known.State == payment.Open {
			known.State = payment.Closed
		}
		status = r.status(a.ID)
		return nil
	})
	return status, err
}

func (b *Book) status(attemptID string) payment.Status {
	known := b.Attempts[attemptID]
	if known == nil {
		return payment.Status{State: payment.Closed}
	}
	status := payment.Status{State: known.State}
	for _, p := range known.payments {
		status.Payments = append(status.Payments, p.Payment)
	}
	return status
}

// Refund sends money back.
func (r Reached) Refund(_ context.Context, refund payment.Refund) (status payment.RefundStatus, err error) {
	err = r.call(func() error { status, err = r.refund(refund); return err })
	return status, err
}

// refund sends money back, once for each key.
func (b *Book) refund(refund payment.Refund) (payment.RefundStatus, error) {
	w := b.world
	known := b.Refunds[refund.Key]
	if known == nil {
		from := b.Payments[refund.PaymentID]
		switch {
		case from == nil:
			w.Fail("a refund of payment %s, which never was", refund.PaymentID)
			return payment.RefundStatus{}, payment.ErrRefused
		case refund.Amount.Currency != from.Amount.Currency || from.Refunded+from.ByHand+refund.Amount.Amount > from.Amount.Amount:
			if !from.Returned {
				w.Fail("payment %s of %d got %d back and is to get %d more",
					from.ID, from.Amount.Amount, from.Refunded+from.ByHand, refund.Amount.Amount)
			}
			return payment.RefundStatus{}, payment.ErrRefused
		}
		known = &Refunded{refund, payment.RefundDone}
		switch {
		case w.Roll(refundFails):
			known.state = payment.RefundFailed
		case w.Chance(30):
			known.state = payment.RefundPending
		}
		if known.state != payment.RefundFailed {
			from.Refunded += refund.Amount.Amount
		}
		b.Refunds[refund.Key] = known
		w.Note("refund %s of %d for %s: %s", refund.Key, refund.Amount.Amount, refund.PaymentID, known.state)
		if known.state == payment.RefundPending && b.OnWay != nil {
			b.OnWay(known)
		}
	}
	return payment.RefundStatus{State: known.state, Reference: "back-" + refund.Key}, nil
}

// QueryRefund says how a refund stands: the way of one that was pending ends when somebody asks about it.
func (r Reached) QueryRefund(_ context.Context, refund payment.Refund) (status payment.RefundStatus, err error) {
	err = r.call(func() error {
		known := r.Refunds[refund.Key]
		if known == nil {
			return fmt.Errorf("%w: refund %s is not known", payment.ErrRefused, refund.Key)
		}
		if known.state == payment.RefundPending {
			r.arrive(known)
		}
		status = payment.RefundStatus{State: known.state, Reference: "back-" + refund.Key}
		return nil
	})
	return status, err
}

// HasNotSent tells whether no money is on its way, or back, by a refund of the office, under whatever key.
func (b *Book) HasNotSent(id string) bool {
	for key, r := range b.Refunds {
		if (key == id || strings.HasPrefix(key, id+"_")) && r.state != payment.RefundFailed {
			return false
		}
	}
	return true
}

// Arrive ends the way of a refund, if it has not ended, and says how the provider reports it.
func (b *Book) Arrive(known *Refunded) payment.RefundReport {
	if known.state == payment.RefundPending {
		b.arrive(known)
	}
	return payment.RefundReport{Key: known.Key, RefundStatus: payment.RefundStatus{State: known.state, Reference: "back-" + known.Key}}
}

// arrive ends the way of a refund: its money is back, or did not get there.
func (b *Book) arrive(known *Refunded) {
	known.state = payment.RefundDone
	if b.world.Roll(refundFails) {
		known.state = payment.RefundFailed
		b.Payments[known.PaymentID].Refunded -= known.Amount.Amount
	}
}

// Verify reads a callback, unless somebody else has sent it.
func (r Reached) Verify(_ context.Context, header http.Header, body []byte) (report payment.Report, err error) {
	if header.Get(SignatureHeader) != Genuine {
		return report, payment.ErrForged
	}
	if err := json.Unmarshal(body, &report); err != nil {
		return report, payment.BadCallback{Detail: err.Error()}
	}
	return report, nil
}

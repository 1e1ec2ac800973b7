package simulator

import (
	"context"
	"errors"
	"time"

	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

// act is what a payer does.
type act string

const (
	actPay      act = "pay"
	actTwice    act = "twice"
	actLate     act = "late"
	actAmount   act = "amount"   // one minor unit less
	actCurrency act = "currency" // another one
	actLeave    act = "leave"    // nothing
	actBank     act = "bank"     // late, and until then the attempt is open: only who pays by himself does it
)

// cashier carries out what offices and payers ask for, with the faults that belong to money, and has the office told.
type cashier struct {
	ledger  *ledger
	courier *courier
	agenda  *agenda
	names   *names
	dice    dice
	faults  Faults
	tally   *tally

	suspensions suspensions
}

// start opens an attempt. The returned function is called after the office was answered: some payers come by
// themselves.
func (c *cashier) start(ctx context.Context, t terms) (afterwards func(), err error) {
	isNew, err := c.ledger.start(t)
	if err != nil || !isNew || !c.dice.chance(c.faults.AutoPay, "autopay", t.name) {
		return func() {}, err
	}
	does := c.automaticAct(t.name)
	if does != actLate && does != actBank && c.dice.chance(c.faults.Early, "early", t.name) {
		notices, err := c.ledger.pay(t.AttemptID, sums(does, money{t.Amount, t.Currency})...)
		if err == nil {
			c.courier.sendEarly(ctx, notices...)
			return func() {}, nil
		}
		c.courier.send(notices...)
	}
	return func() {
		pause := c.dice.pause(c.faults.AutoPayWithin, "autopay", t.name)
		c.agenda.add(pause, func(context.Context) {
			_ = c.act(t.AttemptID, does, c.dice.pause(c.faults.LateWithin, "late", t.name)) // it may be closed by now
		})
	}, nil
}

// automaticAct draws what a payer does who comes by himself.
func (c *cashier) automaticAct(name string) act {
	if !c.dice.chance(c.faults.OddPay, "odd", name) {
		return actPay
	}
	odd := []act{actTwice, actLate, actBank, actAmount, actCurrency}
	return odd[c.dice.of("oddity", name).IntN(len(odd))]
}

// act does what a payer has chosen; after is when the money of a late payment comes.
func (c *cashier) act(id string, does act, after time.Duration) error {
	if does == actLate || does == actBank {
		return c.payLate(id, does == actBank, after)
	}
	if does == actLeave {
		_, err := c.find(id)
		return err
	}
	at, err := c.find(id)
	if err != nil {
		return err
	}
	notices, err := c.ledger.pay(id, sums(does, money{at.Amount, at.Currency})...)
	c.courier.send(notices...)
	return err
}

// sums is what a payer pays instead of what is due.
func sums(does act, due money) []money {
	switch does {
	case actTwice:
		return []money{due, due}
	case actAmount:
		if due.amount == 1 {
			return []money{{2, due.currency}} // nobody can pay nothing
		}
		return []money{{due.amount - 1, due.currency}}
	case actCurrency:
		if due.currency == "USD" {
			return []money{{due.amount, "EUR"}}
		}
		return []money{{due.amount, "USD"}}
	default:
		return []money{due}
	}
}

// payLate has the money taken later, whatever happens to the attempt meanwhile. Of one that is held nothing happens before.
func (c *cashier) payLate(id string, holds bool, after time.Duration) error {
	sum, notices, err := c.ledger.promise(id, holds)
	c.courier.send(notices...)
	if err != nil {
		return err
	}
	if !c.agenda.add(after, func(context.Context) { c.courier.send(c.ledger.keepPromise(id, sum, holds)...) }) {
		c.ledger.breakPromise(id, holds)
		return errFull
	}
	return nil
}

// status says how an attempt stands, after it was closed if that is asked for.
func (c *cashier) status(id string, closing bool) webhook.StatusBody {
	answer, notices := c.ledger.status(id, closing)
	c.courier.send(notices...)
	return answer
}

// find returns an attempt for a page.
func (c *cashier) find(id string) (view, error) {
	found, notices, err := c.ledger.find(id)
	c.courier.send(notices...)
	return found, err
}

// refund sends money back, and tells whether the office is to get no answer.
func (c *cashier) refund(b webhook.RefundBody) (answer webhook.RefundStatusBody, isUnanswered bool, err error) {
	name := c.refundName(b)
	isNew, err := c.ledger.refund(b, name)
	if errors.Is(err, errTooMuch) {
		c.tally.add(func(k *Counts) { k.TooMuch++ })
	}
	if err != nil {
		return answer, false, err
	}
	if !isNew {
		if c.suspensions.refuses(b.Key) {
			return answer, false, errSuspended
		}
		if c.dice.chance(c.faults.RefundForgets, "refund forgets", name) {
			c.ledger.moveAgain(b.Key)
		}
		answer, _, err = c.ledger.refundStatus(b.Key)
		return answer, false, err
	}
	fails := c.dice.chance(c.faults.RefundFails, "refund fails", name)
	if !c.dice.chance(c.faults.RefundPending, "refund pending", name) {
		c.ledger.settle(b.Key, fails)
	}
	answer, told, err := c.ledger.refundStatus(b.Key)
	if err != nil {
		return answer, false, err
	}
	c.courier.send(told)
	c.settleLater(b.Key, name, fails, answer)
	isUnanswered = c.dice.chance(c.faults.RefundUnanswered, "refund unanswered", name)
	if c.dice.chance(c.faults.RefundRefuses, "refund refuses", name) {
		isUnanswered = true
		c.suspensions.suspend(b.Key)
		c.tally.add(func(k *Counts) { k.Suspended++ })
	}
	if isUnanswered {
		c.tally.add(func(k *Counts) { k.Unanswered++ })
	}
	return answer, isUnanswered, nil
}

// askRefund says how a refund stands, to the office that asks.
func (c *cashier) askRefund(key string) (webhook.RefundStatusBody, error) {
	if c.suspensions.refuses(key) {
		return webhook.RefundStatusBody{}, errSuspended
	}
	answer, _, err := c.ledger.refundStatus(key)
	return answer, err
}

// refundName returns the name of a refund that is asked for, perhaps again.
func (c *cashier) refundName(b webhook.RefundBody) string {
	return c.names.refund(b, c.ledger.nameOf(b.PaymentID))
}

// settleLater ends a refund that was answered as pending.
func (c *cashier) settleLater(key, name string, fails bool, answered webhook.RefundStatusBody) {
	if answered.State != string(payment.RefundPending) {
		return
	}
	settle := func(context.Context) {
		c.ledger.settle(key, fails)
		if _, told, err := c.ledger.refundStatus(key); err == nil {
			c.courier.send(told)
		}
	}
	if !c.agenda.add(c.dice.pause(c.faults.MaxDelay, "refund pending", name), settle) {
		settle(context.Background())
	}
}

// totals is the summary of the books.
func (c *cashier) totals() Totals {
	waiting := c.waiting()
	totals := c.ledger.totals()
	totals.Counts, totals.Waiting = c.tally.get(), waiting
	return totals
}

// books is all of them. What waits is counted first: with nothing left, the rest is final.
func (c *cashier) books() Books {
	waiting := c.waiting()
	books := c.ledger.books()
	books.Counts, books.Waiting = c.tally.get(), waiting
	return books
}

func (c *cashier) waiting() int { return c.agenda.waiting() + c.courier.agenda.waiting() }

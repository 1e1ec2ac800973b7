package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/sale"
	"boxoffice/sim/world"
	"boxoffice/stock"
)

const (
	triesOfBuyer = 6
	firstRetry   = time.Second
	tabsApart    = 20 * time.Millisecond
)

// rush has buyers ask, some of them in two tabs at once, and some of them click twice.
func (o *office) rush(ctx context.Context, requests []sale.Request) {
	w := o.world
	if w.Chance(30) {
		w.After(w.Between(0, tabsApart), "other tab of "+w.Event, world.Anybody, func(ctx context.Context) { o.buy(ctx, inOtherTab(requests), 0) })
	}
	if w.Chance(30) {
		w.After(w.Between(0, 3*time.Second), "second click of "+w.Event, world.Anybody, func(ctx context.Context) { o.buy(ctx, requests, 1) })
	}
	o.buy(ctx, requests, 0)
}

// inOtherTab is what the same buyers ask for once more, as purchases of their own.
func inOtherTab(requests []sale.Request) []sale.Request {
	other := slices.Clone(requests)
	for i := range other {
		other[i].Key += "-tab"
	}
	return other
}

// buy has buyers ask at once, in one list. Whoever is not told what became of it asks again with the same key.
func (o *office) buy(ctx context.Context, requests []sale.Request, try int) {
	w := o.world
	p := o.pick()
	var again []sale.Request
	if p == nil {
		again = requests
	} else {
		seen := o.oracle.watch()
		asked := make([]sale.Request, len(requests))
		for i, r := range requests {
			asked[i] = o.seams.decided(r, try)
		}
		var answers []sale.Decided
		o.with(p, func() { answers = p.decider.Decide(ctx, asked...) })
		o.oracle.unwatch(seen)
		for i, a := range answers {
			if p.dead || errors.Is(a.Err, stock.ErrUnavailable) || errors.Is(a.Err, sale.ErrBusy) {
				again = append(again, requests[i])
				continue
			}
			o.answered(requests[i], a, seen)
		}
	}
	if len(again) > 0 && try < triesOfBuyer {
		w.After(w.Between(firstRetry, time.Minute), fmt.Sprintf("again %s", world.Short(w.Event)), world.Anybody,
			func(ctx context.Context) { o.buy(ctx, again, try+1) })
	}
}

// answered takes what a buyer is told, and what was so while he waited: what came meanwhile he need not have been told.
func (o *office) answered(r sale.Request, a sale.Decided, seen *watch) {
	w, k := o.world, o.oracle
	w.Note("%s (key %s, %d of %s): %v %s", r.BuyerID, r.Key, r.Quantity, r.ScreeningID, a.Err, a.ID)
	request := stock.RequestID(r.BuyerID, r.Key)
	before, told := k.bought[request]
	if a.Err != nil {
		if low := seen.low[r.ScreeningID]; errors.Is(a.Err, stock.ErrSoldOut) && low >= r.Quantity {
			w.Fail("%s was told that %s is sold out, and %d tickets were available all the time", r.BuyerID, r.ScreeningID, low)
		}
		if told && seen.told[request] && before.quantity == r.Quantity && before.screeningID == r.ScreeningID {
			w.Fail("I3: a buyer was told of order %s, and now for the same key: %v", before.orderID, a.Err)
		}
		return
	}
	said := bought{a.ID, a.ScreeningID, a.BuyerID, a.Quantity, a.Amount.Amount}
	switch held, exists := k.held[a.ID]; {
	case !exists:
		w.Fail("I3: a buyer is told of order %s, which nobody has reserved", a.ID)
	case told && before != said:
		w.Fail("I3: for one key a buyer was told of %+v and is told of %+v", before, said)
	case held.Buyer != r.BuyerID || held.Quantity != r.Quantity || held.Screening != r.ScreeningID:
		w.Fail("I3: a buyer asked for %+v and is told of %+v", r, held)
	}
	if k.bought[request] = said; !told {
		o.follow(said)
	}
}

// follow is what a buyer does next with an order: pay, cancel, both or nothing.
func (o *office) follow(b bought) {
	w := o.world
	dice := w.Dice("follow " + b.orderID)
	will := dice.IntN(100)
	soon := func(most time.Duration) time.Duration { return time.Second + time.Duration(dice.Int64N(int64(most))) }
	if will < 60 {
		w.After(soon(payWindow), "start payment of "+b.orderID, world.Anybody, func(ctx context.Context) { o.startPayment(ctx, b, 0) })
	}
	if will >= 50 && will < 75 {
		w.After(soon(25*time.Minute), "pay without attempt for "+b.orderID, world.Anybody, func(context.Context) { o.payDirectly(b) })
	}
	if will >= 45 && will < 55 || will >= 70 && will < 85 {
		w.After(soon(payWindow+5*time.Minute), "cancel "+b.orderID, world.Anybody, func(ctx context.Context) { o.cancel(ctx, b) })
	}
}

// startPayment starts a payment as the shop does, and has the payer pay some time later, perhaps too late, or never.
func (o *office) startPayment(ctx context.Context, b bought, try int) {
	w := o.world
	p := o.pick()
	if p == nil {
		return
	}
	var opened payment.Opened
	var err error
	o.with(p, func() {
		var r stock.Reservation
		if r, err = p.stock.Reservation(ctx, b.buyerID, b.orderID); err == nil {
			opened, err = p.payments.Start(ctx, r.Order, order.DefaultProvider, "https://shop.example/return")
		}
	})
	if err != nil || p.dead {
		w.Note("payment of %s is not started: %v", b.orderID, err)
		if try < 3 && !errors.Is(err, order.ErrNotPayable) && !errors.Is(err, order.ErrAlreadyPaid) {
			w.After(w.Between(firstRetry, time.Minute), fmt.Sprintf("start payment of %s (try %d)", b.orderID, try+1), world.Anybody,
				func(ctx context.Context) { o.startPayment(ctx, b, try+1) })
		}
		return
	}
	if w.Chance(80) {
		w.After(w.Between(time.Second, 8*time.Minute), "payer of "+opened.ID, world.Anybody, func(context.Context) { o.payAttempt(opened.ID) })
	}
}

// payAttempt is a payer who scans the code while it works.
func (o *office) payAttempt(id string) {
	w := o.world
	a := o.provider.Attempts[id]
	if a == nil || a.State != payment.Open || !w.Now.Before(a.ExpiresAt.Add(30*time.Second)) {
		return
	}
	o.call(o.provider.Take("p1-"+id, a, a.OrderID, o.amount(a.Amount)), a.Forgotten)
	if w.Roll(world.PaidTwice) {
		o.call(o.provider.Take("p2-"+id, a, a.OrderID, a.Amount), a.Forgotten)
	}
}

// payDirectly is a payer whom the office has not sent: the provider tells of it until somebody has taken it.
func (o *office) payDirectly(b bought) {
	amount := o.amount(event.Money{Amount: b.amount, Currency: currency})
	o.call(o.provider.Take("d1-"+b.orderID, nil, b.orderID, amount), true)
	if o.world.Roll(world.PaidTwice) {
		o.call(o.provider.Take("d2-"+b.orderID, nil, b.orderID, amount), true)
	}
}

// amount is what is paid where something costs so much.
func (o *office) amount(costs event.Money) event.Money {
	if o.world.Roll(world.WrongAmount) {
		costs.Amount += int64(1 + o.world.Random.IntN(100))
	}
	return costs
}

// call has the provider call back about a payment: once, more often, late or, if the office may ask for it, never.
func (o *office) call(p *world.Paid, always bool) {
	w := o.world
	if !always && w.Roll(world.CallbackLost) {
		return
	}
	copies := 1
	if w.Roll(world.CallbackTwice) {
		copies += 1 + w.Random.IntN(3)
	}
	for n := range copies {
		delay := w.Between(0, 5*time.Second)
		if w.Roll(world.CallbackLate) {
			delay = w.Between(0, time.Hour)
		}
		w.After(delay, fmt.Sprintf("callback %d of %s", n, p.ID), world.Anybody, func(ctx context.Context) { o.callBack(ctx, p, n, 0) })
	}
	if w.Roll(world.CallbackForged) {
		w.After(w.Between(0, time.Minute), "forged callback for "+p.OrderID, world.Anybody, func(ctx context.Context) { o.forge(ctx, p) })
	}
}

// callBack sends a callback until it is acknowledged. What is acknowledged is recorded (I4).
func (o *office) callBack(ctx context.Context, p *world.Paid, n, try int) {
	w := o.world
	err := o.sendCallback(ctx, world.Genuine, payment.Report{ID: fmt.Sprintf("cb-%s-%d", p.ID, n), Payments: []payment.Payment{p.Payment}})
	if err != nil && !o.seams.gullible {
		w.Note("callback fails: %v", err)
		if try < 40 {
			w.After(w.Between(5*time.Second, 10*time.Minute), fmt.Sprintf("callback %d of %s (try %d)", n, p.ID, try+1), world.Anybody,
				func(ctx context.Context) { o.callBack(ctx, p, n, try+1) })
		}
		return
	}
	p.Accepted = true
	if len(selectFrom[string](o.oracle, world.OrderBase, `SELECT id FROM payments WHERE id = ?`, p.ID)) == 0 {
		w.Fail("I4: the callback of payment %s is acknowledged, and it is not recorded", p.ID)
	}
}

// forge is somebody who is not the provider.
func (o *office) forge(ctx context.Context, p *world.Paid) {
	pay := p.Payment
	pay.ID = world.ForgedPrefix + pay.ID
	if err := o.sendCallback(ctx, "guessed", payment.Report{ID: "cb-" + pay.ID, Payments: []payment.Payment{pay}}); err == nil {
		o.world.Fail("a forged callback is taken: payment %s", pay.ID)
	}
}

func (o *office) sendCallback(ctx context.Context, signature string, report payment.Report) error {
	office := o.pick()
	if office == nil {
		return errors.New("nobody answers")
	}
	body, err := json.Marshal(report)
	if err != nil {
		return err
	}
	header := http.Header{}
	header.Set(world.SignatureHeader, signature)
	o.with(office, func() { _, err = office.payments.Callback(ctx, order.DefaultProvider, header, body) })
	if office.dead {
		return errors.New("the process died")
	}
	return err
}

// followRefund has the provider call back about a refund that is on its way: never, once, or more often, so that the same word
// comes again when something later is known.
func (o *office) followRefund(r *world.Refunded) {
	w := o.world
	if w.Roll(world.CallbackLost) {
		return
	}
	key := "refund callback of " + r.Key
	w.After(w.Between(time.Second, time.Hour), key, world.Anybody, func(ctx context.Context) {
		said := payment.RefundReport{Key: r.Key, RefundStatus: payment.RefundStatus{State: payment.RefundPending}}
		if w.Chance(80) {
			said = o.provider.Arrive(r)
		}
		report := payment.Report{ID: "cb-" + r.Key, Refunds: []payment.RefundReport{said}}
		if w.Roll(world.CallbackTwice) {
			w.After(w.Between(0, time.Hour), "again "+key, world.Anybody, func(ctx context.Context) { o.tellOfRefund(ctx, "again "+key, report, 0) })
		}
		o.tellOfRefund(ctx, key, report, 0)
	})
}

// tellOfRefund sends a callback about a refund until it is acknowledged.
func (o *office) tellOfRefund(ctx context.Context, key string, report payment.Report, try int) {
	w := o.world
	if err := o.sendCallback(ctx, world.Genuine, report); err != nil && try < 40 {
		w.Note("%s fails: %v", key, err)
		w.After(w.Between(5*time.Second, 10*time.Minute), fmt.Sprintf("%s (try %d)", key, try+1), world.Anybody,
			func(ctx context.Context) { o.tellOfRefund(ctx, key, report, try+1) })
	}
}

// cancel is a buyer who does not want the tickets, as the shop does it.
func (o *office) cancel(ctx context.Context, b bought) {
	p := o.pick()
	if p == nil {
		return
	}
	var err error
	o.with(p, func() {
		var r stock.Reservation
		if r, err = p.stock.Reservation(ctx, b.buyerID, b.orderID); err != nil {
			return
		}
		if _, err = p.orders.Cancel(ctx, r.Order, r.State == stock.Held); err == nil {
			err = p.payments.OrderEnded(ctx, b.orderID)
		}
	})
	o.world.Note("cancel %s: %v", b.orderID, err)
}

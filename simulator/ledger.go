package simulator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

const lateMax = 4 // payments of one attempt that are still to come

// What a call or an act is refused for.
var (
	errUnknown  = errors.New("not known here")
	errConflict = errors.New("conflict")
	errFull     = errors.New("the simulator is full")
	errTooMuch  = fmt.Errorf("%w: more than what is left of the payment", errConflict)
	errPaid     = errors.New("already paid")
	errClosed   = errors.New("closed")
)

// money is a sum that somebody pays.
type money struct {
	amount   int64 // minor units
	currency string
}

// attempt is one try to pay.
type attempt struct {
	terms
	state    payment.AttemptState
	payments []*taken
	late     int // payments that are still to come
	held     int // of those: until they come it is neither closed nor over
}

// taken is money that a payer has paid.
type taken struct {
	webhook.PaymentBody
	name     string // by which the dice know it
	attempt  *attempt
	reserved int64 // of its amount: sent back, or on its way
}

// refund is money that goes back, once.
type refund struct {
	webhook.RefundBody
	name   string // by which the dice know it
	of     *taken
	state  payment.RefundState
	detail string
	calls  int
}

// ledger is all that the provider knows: who started what, whose money was taken and what went back. Its acts return
// the events that the office is to be told of.
type ledger struct {
	now   func() time.Time
	limit int // of attempts, and of refunds

	journal *journal // nil: what happens is kept in memory alone

	mu              sync.Mutex
	attempts        map[string]*attempt
	order           []*attempt // as they were started
	payments        map[string]*taken
	refunds         map[string]*refund
	moves           map[string]int   // by the key of a refund: each time that money went back
	taken, sentBack map[string]int64 // by currency
}

func newLedger(limit int, now func() time.Time) *ledger {
	return &ledger{
		now: now, limit: limit, attempts: map[string]*attempt{}, payments: map[string]*taken{}, refunds: map[string]*refund{},
		moves: map[string]int{}, taken: map[string]int64{}, sentBack: map[string]int64{},
	}
}

// start opens an attempt, and tells whether it is a new one. The same attempt again changes nothing, not even its
// addresses.
func (l *ledger) start(t terms) (isNew bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, exists := l.attempts[t.AttemptID]; exists {
		if known.Amount != t.Amount || known.Currency != t.Currency || known.OrderID != t.OrderID {
			return false, fmt.Errorf("%w: this attempt_id was started with another amount, currency or order", errConflict)
		}
		return false, nil
	}
	if len(l.attempts) >= l.limit {
		return false, errFull
	}
	a := &attempt{terms: t, state: payment.Open}
	l.attempts[t.AttemptID] = a
	l.order = append(l.order, a)
	l.journal.keep(a.kept())
	return true, nil
}

// status says how an attempt stands, after it was closed if that is asked for. One that is not known is closed.
func (l *ledger) status(id string, closing bool) (webhook.StatusBody, []notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, known := l.attempts[id]
	if !known {
		return webhook.StatusBody{State: string(payment.Closed)}, nil
	}
	notices := l.expire(a, closing)
	return webhook.StatusBody{State: string(a.state), Payments: a.bodies()}, notices
}

// expire closes an open attempt whose time is over, or at once, unless a bank is busy with it.
func (l *ledger) expire(a *attempt, now bool) []notice {
	if a.state != payment.Open || a.held > 0 || !now && l.now().Before(a.expires) {
		return nil
	}
	a.state = payment.Closed
	l.journal.keep(a.kept())
	return []notice{{
		id: "msg_" + a.AttemptID + "_closed", name: a.name + " closed", attempt: a.AttemptID, url: a.CallbackURL,
		event: webhook.Event{Type: webhook.PaymentClosed, Data: webhook.EventData{OrderID: a.OrderID, AttemptID: a.AttemptID}},
	}}
}

func (a *attempt) bodies() []webhook.PaymentBody {
	var bodies []webhook.PaymentBody
	for _, p := range a.payments {
		bodies = append(bodies, p.PaymentBody)
	}
	return bodies
}

// pay takes money for an open attempt: each sum is a payment of its own. The notices are to be sent even if it fails.
func (l *ledger) pay(id string, sums ...money) ([]notice, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, notices, err := l.payable(id)
	if err != nil {
		return notices, err
	}
	return l.take(a, sums), nil
}

// payable returns an attempt that can be paid, or the reason why it cannot.
func (l *ledger) payable(id string) (*attempt, []notice, error) {
	a, known := l.attempts[id]
	if !known {
		return nil, nil, errUnknown
	}
	notices := l.expire(a, false)
	switch a.state {
	case payment.Paid:
		return nil, notices, errPaid
	case payment.Closed:
		return nil, notices, errClosed
	}
	return a, notices, nil
}

// promise announces a late payment of an attempt that is open now. One that holds it leaves it open until its money comes.
func (l *ledger) promise(id string, holds bool) (money, []notice, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, notices, err := l.payable(id)
	if err != nil {
		return money{}, notices, err
	}
	if a.late >= lateMax {
		return money{}, notices, errFull
	}
	a.promised(1, holds)
	return money{a.Amount, a.Currency}, notices, nil
}

// keepPromise takes the money of a late payment, also if the attempt was closed or paid meanwhile.
func (l *ledger) keepPromise(id string, sum money, held bool) (notices []notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.attempts[id]
	if !held {
		notices = l.expire(a, false)
	}
	a.promised(-1, held)
	return append(notices, l.take(a, []money{sum})...)
}

// breakPromise forgets a late payment that cannot be kept.
func (l *ledger) breakPromise(id string, held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts[id].promised(-1, held)
}

// promised counts late payments.
func (a *attempt) promised(n int, held bool) {
	a.late += n
	if held {
		a.held += n
	}
}

// take records payments. After an attempt has got its final state nobody asks for it: such a payment's event is
// certain. That of any other is not, however long its order has ended.
func (l *ledger) take(a *attempt, sums []money) (notices []notice) {
	certain := a.state != payment.Open
	a.state = payment.Paid
	for _, sum := range sums {
		number := len(a.payments) + 1
		p := &taken{attempt: a, name: fmt.Sprintf("%s payment %d", a.name, number), PaymentBody: webhook.PaymentBody{
			PaymentID: fmt.Sprintf("sim_%s_%d", a.AttemptID, number),
			OrderID:   a.OrderID, Amount: sum.amount, Currency: sum.currency,
		}}
		l.book(p)
		notices = append(notices, notice{
			id: "msg_" + p.PaymentID, name: p.name, attempt: a.AttemptID, url: a.CallbackURL, certain: certain,
			event: webhook.Event{Type: webhook.PaymentSucceeded, Data: webhook.EventData{
				PaymentID: p.PaymentID, OrderID: a.OrderID, AttemptID: a.AttemptID, Amount: sum.amount, Currency: sum.currency,
			}},
		})
	}
	l.journal.keep(a.kept())
	return notices
}

// book adds a payment to the books.
func (l *ledger) book(p *taken) {
	p.attempt.payments = append(p.attempt.payments, p)
	l.payments[p.PaymentID] = p
	l.taken[p.Currency] += p.Amount
}

func (a *attempt) kept() kept {
	return kept{Attempt: &keptAttempt{Terms: a.StartBody, State: a.state, Payments: a.bodies()}}
}

func (l *ledger) keepRefund(r *refund) {
	l.journal.keep(kept{Refund: &keptRefund{
		Refund: r.RefundBody, State: r.state, Detail: r.detail, Calls: r.calls, Moved: l.moves[r.Key],
	}})
}

// refund takes an order for a refund, and tells whether it is a new one. A new one is pending until it is settled. All
// refunds of a payment that have not failed are together never more than its amount.
func (l *ledger) refund(b webhook.RefundBody, name string) (isNew bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, exists := l.refunds[b.Key]; exists {
		if known.PaymentID != b.PaymentID || known.Amount != b.Amount || known.Currency != b.Currency {
			return false, fmt.Errorf("%w: this key was used for another refund", errConflict)
		}
		known.calls++
		l.keepRefund(known)
		return false, nil
	}
	of, known := l.payments[b.PaymentID]
	switch {
	case !known:
		return false, fmt.Errorf("payment %w", errUnknown)
	case of.Currency != b.Currency:
		return false, fmt.Errorf("%w: the payment has another currency", errConflict)
	case b.Amount > of.Amount-of.reserved:
		return false, fmt.Errorf("%w, %d", errTooMuch, of.Amount-of.reserved)
	case len(l.refunds) >= l.limit:
		return false, errFull
	}
	of.reserved += b.Amount
	l.refunds[b.Key] = &refund{RefundBody: b, name: name, of: of, state: payment.RefundPending, calls: 1}
	l.keepRefund(l.refunds[b.Key])
	return true, nil
}

// nameOf returns the name of a payment, which is its id if there is no such payment.
func (l *ledger) nameOf(paymentID string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, known := l.payments[paymentID]; known {
		return p.name
	}
	return paymentID
}

// settle ends a pending refund: its money goes back, or it fails.
func (l *ledger) settle(key string, fails bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.refunds[key]
	switch {
	case r.state != payment.RefundPending:
	case fails:
		r.state, r.detail = payment.RefundFailed, "the payer's account takes no money"
		r.of.reserved -= r.Amount
		l.keepRefund(r)
	default:
		r.state = payment.RefundDone
		l.move(r)
	}
}

// move sends the money of a refund back. Whoever calls it twice for one key has sent it twice.
func (l *ledger) move(r *refund) {
	l.moves[r.Key]++
	l.sentBack[r.Currency] += r.Amount
	l.keepRefund(r)
}

// moveAgain is what a provider does that has forgotten a key: it sends the money once more, whatever is left of it.
func (l *ledger) moveAgain(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.refunds[key]; r.state == payment.RefundDone {
		l.move(r)
	}
}

// refundStatus says how a refund stands, and the event that tells so.
func (l *ledger) refundStatus(key string) (webhook.RefundStatusBody, notice, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, known := l.refunds[key]
	if !known {
		return webhook.RefundStatusBody{}, notice{}, fmt.Errorf("refund %w", errUnknown)
	}
	answer := webhook.RefundStatusBody{State: string(r.state), Reference: "rfd_" + key, Detail: r.detail}
	a := r.of.attempt
	return answer, notice{
		id: "msg_" + key + "_" + answer.State, name: r.name + " " + answer.State, attempt: a.AttemptID, url: a.CallbackURL,
		event: webhook.Event{Type: webhook.RefundUpdated, Data: webhook.EventData{
			Key: key, State: answer.State, Reference: answer.Reference, Detail: answer.Detail,
		}},
	}, nil
}

// view is an attempt as the pages show it.
type view struct {
	terms
	State    payment.AttemptState
	Payments []webhook.PaymentBody
	Late     int
}

func (a *attempt) view() view { return view{a.terms, a.state, a.bodies(), a.late} }

// find returns an attempt, and the event of its end if its time is over.
func (l *ledger) find(id string) (view, []notice, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, known := l.attempts[id]
	if !known {
		return view{}, nil, errUnknown
	}
	notices := l.expire(a, false)
	return a.view(), notices, nil
}

// latest returns up to n attempts, the last one first.
func (l *ledger) latest(n int) (views []view) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range slices.Backward(l.order[max(0, len(l.order)-n):]) {
		views = append(views, a.view())
	}
	return views
}

func (l *ledger) totals() Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Totals{Taken: maps.Clone(l.taken), SentBack: maps.Clone(l.sentBack)}
}

func (l *ledger) books() Books {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := Books{
		Totals:   Totals{Taken: maps.Clone(l.taken), SentBack: maps.Clone(l.sentBack)},
		Attempts: make(map[string]AttemptBook, len(l.attempts)), Refunds: make(map[string]RefundBook, len(l.refunds)),
	}
	for id, a := range l.attempts {
		b.Attempts[id] = AttemptBook{OrderID: a.OrderID, State: string(a.state), Payments: a.bodies()}
	}
	for key, r := range l.refunds {
		b.Refunds[key] = RefundBook{r.PaymentID, r.Amount, r.Currency, string(r.state), r.calls, l.moves[key]}
	}
	return b
}

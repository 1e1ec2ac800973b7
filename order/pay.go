package order

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"boxoffice/common/batch"
	"boxoffice/common/db"
	"boxoffice/common/event"
)

// The bounds of what a provider says, in bytes.
const (
	IDMax       = 255
	CurrencyMax = 8
)

// Pay records a payment and what it does to its order, in one transaction that it may share with other payments. The
// answer comes after the commit; a payment that was answered is never lost. It fails with ErrInvalidPayment,
// ErrBusy or ErrUnavailable, and with ctx's error when ctx ends first; after the last two the payment may be recorded
// all the same, and another try is safe.
func (o *Orders) Pay(ctx context.Context, p Payment) (PaymentResult, error) {
	if !recordable(p) {
		return "", fmt.Errorf("pay: %w", ErrInvalidPayment)
	}
	result, err := o.payments.Do(ctx, p)
	switch {
	case errors.Is(err, batch.ErrFull):
		return "", fmt.Errorf("pay: %w", ErrBusy)
	case errors.Is(err, batch.ErrClosed):
		return "", fmt.Errorf("pay: %w: %w", ErrUnavailable, err)
	case err != nil:
		return "", fmt.Errorf("pay: %w", err)
	}
	return result, nil
}

// payList answers the payments of one list.
func (o *Orders) payList(ctx context.Context, calls []*batch.Call[Payment, PaymentResult]) {
	payments := make([]Payment, len(calls))
	for i, call := range calls {
		payments[i] = call.In
	}
	results, err := o.receive(ctx, payments)
	if err != nil {
		for _, call := range calls {
			call.Answer("", err)
		}
		return
	}
	var parked []Payment
	for i, call := range calls {
		if results[i] == Parked {
			parked = append(parked, call.In)
			continue
		}
		call.Answer(results[i], nil)
	}
	if len(parked) == 0 {
		return
	}
	now, err := o.lookAgain(ctx, parked)
	for i, call := range calls {
		if results[i] == Parked {
			call.Answer(now[call.In.ID], err)
		}
	}
}

// receive records the payments of one list and returns what each came to.
func (o *Orders) receive(ctx context.Context, payments []Payment) ([]PaymentResult, error) {
	recorded := false // whether one of them is known to be
	if isPlain(payments) {
		err := o.receivePlain(ctx, payments)
		recorded = o.db.IsDuplicate(err)
		switch {
		case err == nil:
			return slices.Repeat([]PaymentResult{Applied}, len(payments)), nil
		case !recorded && !errors.Is(err, errNotPlain) && !errors.Is(err, errRaced):
			return nil, o.unavailable(err)
		}
	}
	return o.receiveEach(ctx, payments, recorded)
}

// receiveEach runs the transaction of a list that has to be decided payment by payment. look says that some of them
// may be recorded already.
func (o *Orders) receiveEach(ctx context.Context, payments []Payment, look bool) ([]PaymentResult, error) {
	ids, orderIDs := make([]string, len(payments)), make([]string, len(payments))
	for i, p := range payments {
		ids[i], orderIDs[i] = p.ID, p.OrderID
	}
	var results []PaymentResult
	var paid []string
	var reused []Payment
	err := o.inTx(ctx, func(tx *db.Tx) error {
		results, reused = make([]PaymentResult, len(payments)), nil
		seen := map[string]receivedPayment{}
		if look {
			var err error
			if seen, err = readPayments(ctx, tx, ids); err != nil {
				return err
			}
		}
		look = true // a payment that was recorded before fails the insert, and only then is there one to read
		l, err := openLedger(ctx, tx, orderIDs, o.now())
		if err != nil {
			return err
		}
		if err := l.takeParked(ctx, tx); err != nil {
			return err
		}
		for i, p := range payments {
			before, known := seen[p.ID]
			switch {
			case !known:
				results[i] = l.receive(p)
				seen[p.ID] = receivedPayment{p, results[i]}
			case before.OrderID == p.OrderID && before.Amount == p.Amount:
				results[i] = Duplicate
			default:
				results[i] = Mismatch
				reused = append(reused, p)
			}
		}
		if err := recordReused(ctx, tx, reused, l.now); err != nil {
			return err
		}
		paid = l.paid
		return l.write(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	for _, p := range reused {
		o.log.WarnContext(ctx, "payment id was recorded with another order or amount", "payment_id", p.ID, "order_id", p.OrderID)
	}
	for _, id := range paid {
		o.settled.offer(event.SettledOrder{OrderID: id, Outcome: event.Paid})
	}
	return results, nil
}

// lookAgain closes the payment's side of the race that advance describes: it applies what was parked when the order
// has come meanwhile, and returns the results as they stand.
func (o *Orders) lookAgain(ctx context.Context, parked []Payment) (map[string]PaymentResult, error) {
	ids, orderIDs := make([]string, len(parked)), make([]string, len(parked))
	results := make(map[string]PaymentResult, len(parked))
	for i, p := range parked {
		ids[i], orderIDs[i] = p.ID, p.OrderID
		results[p.ID] = Parked
	}
	orders, err := readOrders(ctx, o.db.Reader(), orderIDs)
	if err != nil || len(orders) == 0 {
		return results, o.unavailable(err)
	}
	if orders, err = o.advance(ctx, orderIDs, nil, keepPending); err != nil {
		return nil, err
	}
	for _, order := range orders {
		if outcome := order.outcome(); outcome != "" {
			o.settled.offer(event.SettledOrder{OrderID: order.ID, Outcome: outcome})
		}
	}
	recorded, err := readPayments(ctx, o.db.Reader(), ids)
	if err != nil {
		return nil, o.unavailable(err)
	}
	for id, p := range recorded {
		results[id] = p.result
	}
	return results, nil
}

// recordable keeps out what one of the databases would refuse, so that one caller's payment cannot fail a whole list,
// and what it would take for another id (MySQL ignores spaces at the end).
func recordable(p Payment) bool {
	return visible(p.ID, IDMax) && visible(p.OrderID, IDMax) && visible(p.WebhookID, IDMax) &&
		visible(p.Amount.Currency, CurrencyMax)
}

// visible tells strings of 1 to limit visible ASCII characters.
func visible(s string, limit int) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= limit
}

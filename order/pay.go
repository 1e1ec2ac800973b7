package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"boxoffice/common/batch"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/failpoint"
	"boxoffice/common/idform"
	"boxoffice/common/tracing"
)

// The longest ids and currencies that are accepted from a payment provider, in bytes, as the columns of payments take them. The
// order's id too may be longer than any order has: money that names one that never was is recorded, and goes back.
const (
	IDMax       = 255
	CurrencyMax = 8
)

// Pay records a payment and applies it to its order, in one transaction that it may share with other payments. It
// returns after the commit, so that a payment with a result is never lost. It fails with ErrInvalidPayment, ErrBusy or
// ErrUnavailable, and with ctx's error when ctx ends first; after the last two the payment may be recorded
// nevertheless, and a retry is safe.
func (o *Orders) Pay(ctx context.Context, p Payment) (PaymentResult, error) {
	if !valid(p) {
		return "", fmt.Errorf("pay: %w", ErrInvalidPayment)
	}
	result, err := o.payments.Do(ctx, p)
	switch {
	case errors.Is(err, batch.ErrFull):
		return "", fmt.Errorf("pay: %w", ErrBusy)
	case errors.Is(err, batch.ErrClosed), errors.Is(err, batch.ErrUnanswered):
		return "", fmt.Errorf("pay: %w: %w", ErrUnavailable, err)
	case err != nil:
		return "", fmt.Errorf("pay: %w", err)
	}
	return result, nil
}

// payBatch handles a batch of payments: it records them and answers their callers.
func (o *Orders) payBatch(ctx context.Context, calls []*batch.Call[Payment, PaymentResult]) {
	payments := make([]Payment, len(calls))
	var traces tracing.List
	for i, call := range calls {
		payments[i] = call.In
		traces = traces.Join(tracing.From(call.Context()).About(call.In.OrderID))
	}
	ctx, step := tracing.Start(tracing.With(ctx, traces), "record payments")
	results, err := o.receive(ctx, payments)
	step.End(err)
	o.logPayments(ctx, payments, results)
	failpoint.Hit("payment.recorded")
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
	rechecked, err := o.recheckParked(ctx, parked)
	for i, call := range calls {
		if results[i] == Parked {
			call.Answer(rechecked[call.In.ID], err)
		}
	}
}

// logPayments tells at level debug what payments have come to; of those that could not be recorded there are no results.
func (o *Orders) logPayments(ctx context.Context, payments []Payment, results []PaymentResult) {
	if !o.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	for i, result := range results {
		o.log.DebugContext(ctx, "payment", "result", result, "order_id", payments[i].OrderID, "payment_id", payments[i].ID)
	}
}

// receive records the payments of a batch and returns their results.
func (o *Orders) receive(ctx context.Context, payments []Payment) ([]PaymentResult, error) {
	duplicate := false // whether one of the payments is known to be recorded already
	if fitsFastPath(payments) {
		err := o.receiveFast(ctx, payments)
		duplicate = o.db.IsDuplicate(err)
		switch {
		case err == nil:
			return slices.Repeat([]PaymentResult{Applied}, len(payments)), nil
		case !duplicate && !errors.Is(err, errNotFast) && !errors.Is(err, db.ErrConflict):
			return nil, o.unavailable(err)
		}
	}
	return o.receiveEach(ctx, payments, duplicate)
}

// receiveEach decides each payment of a batch by itself, in one transaction. readFirst makes it look for those that are
// recorded already.
func (o *Orders) receiveEach(ctx context.Context, payments []Payment, readFirst bool) ([]PaymentResult, error) {
	ids, orderIDs := make([]string, len(payments)), make([]string, len(payments))
	for i, p := range payments {
		ids[i], orderIDs[i] = p.ID, p.OrderID
	}
	var results []PaymentResult
	var paid []string
	var reused []Payment
	err := o.inTx(ctx, func(tx *db.Tx) error {
		results, reused = make([]PaymentResult, len(payments)), nil
		recorded := map[string]decidedPayment{}
		if readFirst {
			var err error
			if recorded, err = readPayments(ctx, tx, ids); err != nil {
				return err
			}
		}
		readFirst = true // in a retry: a payment that is recorded already has made the insert fail
		c, err := newChangeSet(ctx, tx, orderIDs, o.now())
		if err != nil {
			return err
		}
		if err := c.applyParked(ctx, tx); err != nil {
			return err
		}
		for i, p := range payments {
			before, exists := recorded[p.ID]
			switch {
			case !exists:
				results[i] = c.receive(p)
				recorded[p.ID] = decidedPayment{p, results[i]}
			case before.identity() == p.identity():
				results[i] = Duplicate
			default:
				results[i] = Mismatch
				reused = append(reused, p)
			}
		}
		if err := recordReused(ctx, tx, reused, c.now); err != nil {
			return err
		}
		paid = c.paid
		err = c.write(ctx, tx)
		failpoint.Hit("payment.before-commit")
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, p := range reused {
		o.log.WarnContext(ctx, "payment id was recorded with another order or amount", "payment_id", p.ID, "order_id", p.OrderID)
	}
	for _, id := range paid {
		o.publisher.offer(ctx, event.SettledOrder{OrderID: id, Outcome: event.Paid})
	}
	return results, nil
}

// recheckParked reads, after the commit, the orders of payments that were parked, and applies the payments to those
// that exist by now: the payments' side of the race that change describes. It returns the results as they stand then.
func (o *Orders) recheckParked(ctx context.Context, parked []Payment) (map[string]PaymentResult, error) {
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
			o.publisher.offer(ctx, event.SettledOrder{OrderID: order.ID, Outcome: outcome})
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

// valid tells whether every database can record a payment, and its refund, as it is, so that one caller's payment cannot make the
// insert of a whole batch fail, and no id is taken for another one (MySQL ignores spaces at the end).
func valid(p Payment) bool {
	return p.Amount.Amount > 0 && idform.IsVisibleASCII(p.ID, IDMax) && idform.IsVisibleASCII(p.OrderID, IDMax) &&
		idform.IsVisibleASCII(p.WebhookID, IDMax) && idform.IsVisibleASCII(p.Amount.Currency, CurrencyMax)
}

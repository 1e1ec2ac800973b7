package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/failpoint"
	"boxoffice/order"
)

// Opened is an attempt that waits for its payer.
type Opened struct {
	ID        string
	Provider  string
	Action    Action
	ExpiresAt time.Time // until when the provider was told to take money for it
}

// Start starts the payment of an order with a provider, and returns what the payer has to do. The order is given as it
// was reserved. The same order and provider again are the same attempt, until that one is final, or the order has got more
// time than its provider knows of. One that another start, in another tab, has replaced while its provider took its time gives way
// to that. It fails with ErrUnknownProvider, ErrProviderAway, ErrRefused, order.ErrNotPayable, order.ErrAlreadyPaid or
// order.ErrBusy; after ErrProviderAway and order.ErrBusy a retry is safe.
func (s *Service) Start(ctx context.Context, reserved event.Order, providerName, returnURL string) (Opened, error) {
	p, err := s.provider(providerName)
	if err == nil && !canStart(p) {
		err = ErrUnsupported
	}
	if err != nil {
		return Opened{}, fmt.Errorf("start payment: %w", err)
	}
	opened, err := s.startOnce(ctx, reserved, p, returnURL)
	for tries := 1; errors.Is(err, errEnded); tries++ {
		switch final := s.payable(ctx, reserved.ID); {
		case final != nil:
			err = final
		case tries == startsMax:
			err = fmt.Errorf("%w: payments of the order end while they start", order.ErrBusy)
		default:
			opened, err = s.startOnce(ctx, reserved, p, returnURL)
		}
	}
	if err != nil {
		return Opened{}, fmt.Errorf("start payment: %w", err)
	}
	return opened, nil
}

// startsMax is how many attempts of an order that others end meanwhile are started in one call.
const startsMax = 3

// startOnce starts or finds the attempt that an order has now. It fails with errEnded if that has ended since.
func (s *Service) startOnce(ctx context.Context, reserved event.Order, p Provider, returnURL string) (Opened, error) {
	row, isNew, err := s.hold(ctx, reserved, p, returnURL)
	if err != nil {
		return Opened{}, err
	}
	failpoint.Hit("attempt.recorded")
	if row.State == starting {
		if row, err = s.startAt(ctx, p, row); err != nil {
			return Opened{}, s.afterFailedStart(ctx, p, row, isNew, err)
		}
	}
	if row.isFinal() { // by a worker, or another start, which has started it as well
		return Opened{}, errEnded
	}
	if row.hasDeadAction(s.Now()) {
		if row, err = s.startAgain(ctx, p, row); err != nil {
			return Opened{}, err
		}
	}
	action, err := row.action()
	if err != nil {
		return Opened{}, err
	}
	return Opened{row.ID, row.Provider, action, time.UnixMilli(row.ExpiresAt).UTC()}, nil
}

// afterFailedStart ends an attempt whose start was refused, and returns what its payer is told. One of a restored order may have
// been opened before the restore, under the same id, and paid: its provider is asked, and nothing is closed unasked.
func (s *Service) afterFailedStart(ctx context.Context, p Provider, row attemptRow, isNew bool, why error) error {
	refused := errors.Is(why, ErrRefused)
	if !refused && !wasAnswered(why) {
		return why
	}
	restored, err := s.isRestored(ctx, row.OrderID)
	switch {
	case err != nil:
		return errors.Join(why, err)
	case refused && restored:
		err = s.closeAt(ctx, p, row)
	case refused && isNew: // nothing was opened before, and if another call has opened it meanwhile, its payer has a page
		return errors.Join(why, s.closeUnopened(ctx, row.ID))
	case restored:
		err = s.learnIfPaid(ctx, p, row, why)
	}
	if err == nil {
		err = s.payable(ctx, row.OrderID)
	}
	switch {
	case err == nil:
		return why
	case errors.Is(err, order.ErrAlreadyPaid), errors.Is(err, order.ErrNotPayable), errors.Is(err, why):
		return err
	}
	return errors.Join(why, err)
}

// payable fails with order.ErrAlreadyPaid or order.ErrNotPayable for an order that is final.
func (s *Service) payable(ctx context.Context, orderID string) error {
	rows, err := s.Orders.Find(ctx, orderID)
	if err != nil {
		return err
	}
	switch rows[orderID].State {
	case order.Paid:
		return order.ErrAlreadyPaid
	case order.Cancelled:
		return order.ErrNotPayable
	}
	return nil
}

// hold gives the order time for a payment, and returns its attempt with a provider, which is new if there was no open one.
// One that its provider ends before the order's deadline, which has moved since, is replaced: the old one is closed, and a
// new one has the new deadline. One whose payer is just paying stays, and one whose payer has not come, which its provider
// cannot close, is extended if that can be.
func (s *Service) hold(ctx context.Context, reserved event.Order, p Provider, returnURL string) (row attemptRow, isNew bool, err error) {
	held, row, isNew, err := s.holdOnce(ctx, reserved, p, returnURL)
	if err != nil || row.ExpiresAt >= held.ExpiresAt {
		return row, isNew, err
	}
	switch err := s.finish(ctx, p, row); {
	case errors.Is(err, errStillOpen):
		return s.extendAttempt(ctx, p, row, held.ExpiresAt), false, nil
	case err != nil:
		return row, false, err
	}
	_, row, isNew, err = s.holdOnce(ctx, reserved, p, returnURL)
	return row, isNew, err
}

// extendAttempt gives an open attempt the time until a deadline, in Unix milliseconds, where its provider can do that. Otherwise,
// or when that fails, it is left with its own time: it can be paid until then, and another one started afterwards.
func (s *Service) extendAttempt(ctx context.Context, p Provider, row attemptRow, deadline int64) attemptRow {
	if e, ok := p.(Extender); !ok || !e.ExtendsUnopened() || row.State != Open {
		return row
	}
	later := row
	later.ExpiresAt = deadline
	extended, err := s.startAgain(ctx, p, later)
	if err != nil {
		s.Log.Log(ctx, failureLevel(err), "give a payment more time", "provider", row.Provider, "attempt_id", row.ID, "error", err)
		return row
	}
	return extended
}

// holdOnce extends a deadline that is near, once, first in stock, where it is longer without harm, and then in the order,
// whose row decides. The attempt is recorded in the transaction that holds its order: whoever cancels the order has either
// seen the attempt and asked for it, or finds the order changed.
func (s *Service) holdOnce(
	ctx context.Context, reserved event.Order, p Provider, returnURL string,
) (held order.Order, row attemptRow, isNew bool, err error) {
	deadline, err := s.extend(ctx, reserved)
	if err != nil {
		return held, row, false, err
	}
	held, err = s.Orders.HoldForPayment(ctx, reserved, order.Hold{
		Deadline: deadline, AskUntil: deadline + s.AskGrace.Milliseconds(),
		Record: func(ctx context.Context, tx *db.Tx, held order.Order) (_ bool, err error) {
			row, isNew, err = s.findOrInsert(ctx, tx, held, p, returnURL)
			return isNew, err
		},
	})
	return held, row, isNew, err
}

// extend returns the deadline that an order is to have for a payment, in Unix milliseconds, and has stock keep its tickets
// until then.
func (s *Service) extend(ctx context.Context, reserved event.Order) (deadline int64, err error) {
	rows, err := s.Orders.Find(ctx, reserved.ID)
	if err != nil {
		return 0, err
	}
	current, exists := rows[reserved.ID]
	if !exists {
		current = order.Order{Order: reserved, State: order.PendingPayment}
	}
	now := s.Now()
	switch deadline := time.UnixMilli(current.ExpiresAt); {
	case current.State == order.Paid:
		return 0, order.ErrAlreadyPaid
	case current.State == order.Cancelled, !now.Before(deadline):
		return 0, order.ErrNotPayable
	case !current.Extended && deadline.Sub(now) < s.Lease:
		extended := now.Add(s.Lease)
		return extended.UnixMilli(), s.Stock.Extend(ctx, reserved.ID, extended)
	}
	return current.ExpiresAt, nil
}

// findOrInsert returns the order's open attempt with a provider, and makes one if there is none. What was started with another
// account of it is not gone on with: nobody would hear that it is paid. It fails with a duplicate key when another call has just
// made it, and with ErrRefused when there were too many.
func (s *Service) findOrInsert(
	ctx context.Context, tx *db.Tx, o order.Order, p Provider, returnURL string,
) (row attemptRow, isNew bool, err error) {
	rows, err := readAttempts(ctx, tx, o.ID)
	if err != nil {
		return attemptRow{}, false, err
	}
	before := 0
	for _, row := range rows {
		if row.Provider != p.Name() {
			continue
		}
		if !row.isFinal() && row.isOf(accountOf(p)) {
			return row, false, nil
		}
		before++
	}
	if before >= attemptsMax {
		return attemptRow{}, false, fmt.Errorf("%w: payments of the order that have ended: %d", ErrRefused, before)
	}
	now := s.Now().UnixMilli()
	row = attemptRow{
		ID: attemptID(o.ID, p.Name(), before), OrderID: o.ID, Provider: p.Name(), Account: accountOf(p),
		Amount: o.Amount.Amount, Currency: o.Amount.Currency, State: starting, ReturnURL: returnURL,
		ExpiresAt: o.ExpiresAt, NextAt: now + callTimeout.Milliseconds(), CreatedAt: now,
	}
	return row, true, insertAttempt(ctx, tx, row)
}

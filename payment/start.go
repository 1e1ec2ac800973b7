package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boxoffice/common/event"
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
// time than its provider knows of. It fails with
// ErrUnknownProvider, ErrProviderAway, ErrRefused, order.ErrNotPayable or order.ErrAlreadyPaid; after ErrProviderAway a
// retry is safe.
func (s *Service) Start(ctx context.Context, reserved event.Order, providerName, returnURL string) (Opened, error) {
	p, err := s.provider(providerName)
	if err == nil && !canStart(p) {
		err = ErrUnsupported
	}
	if err != nil {
		return Opened{}, fmt.Errorf("start payment: %w", err)
	}
	held, err := s.hold(ctx, reserved)
	if err != nil {
		return Opened{}, fmt.Errorf("start payment: %w", err)
	}
	row, isNew, err := s.findOrInsert(ctx, held, providerName, returnURL)
	if err == nil && row.ExpiresAt < held.ExpiresAt {
		row, isNew, err = s.renew(ctx, p, held, row, returnURL)
	}
	if err != nil {
		return Opened{}, fmt.Errorf("start payment: %w", err)
	}
	if row.State == starting {
		if row, err = s.startAt(ctx, p, row); err != nil {
			if isNew && errors.Is(err, ErrRefused) { // nothing was opened, now or before
				err = errors.Join(err, s.closeAttempt(ctx, providerName, row.ID, Closed))
			}
			return Opened{}, fmt.Errorf("start payment: %w", err)
		}
	}
	action, err := row.action()
	if err != nil {
		return Opened{}, err
	}
	return Opened{row.ID, row.Provider, action, time.UnixMilli(row.ExpiresAt).UTC()}, nil
}

// renew replaces an attempt that its provider ends before the order's deadline, which has moved since: the old one is
// closed, and a new one has the new deadline. One whose payer is just paying stays.
func (s *Service) renew(
	ctx context.Context, p Provider, held order.Order, old attemptRow, returnURL string,
) (row attemptRow, isNew bool, err error) {
	switch err := s.finish(ctx, p, old); {
	case errors.Is(err, errStillOpen):
		return old, false, nil
	case err != nil:
		return old, false, err
	}
	rows, err := s.Orders.Find(ctx, held.ID)
	if err != nil {
		return old, false, err
	}
	switch rows[held.ID].State {
	case order.Paid: // by the old one
		return old, false, order.ErrAlreadyPaid
	case order.Cancelled:
		return old, false, order.ErrNotPayable
	}
	return s.findOrInsert(ctx, held, p.Name(), returnURL)
}

// hold gives the order time for a payment: a deadline that is near is extended, once, first in stock, where it is longer
// without harm, and then in the order, whose row decides.
func (s *Service) hold(ctx context.Context, reserved event.Order) (order.Order, error) {
	rows, err := s.Orders.Find(ctx, reserved.ID)
	if err != nil {
		return order.Order{}, err
	}
	current, exists := rows[reserved.ID]
	if !exists {
		current = order.Order{Order: reserved, State: order.PendingPayment}
	}
	now := s.Now()
	switch deadline := time.UnixMilli(current.ExpiresAt); {
	case current.State == order.Paid:
		return current, order.ErrAlreadyPaid
	case current.State == order.Cancelled, !now.Before(deadline):
		return current, order.ErrNotPayable
	case !current.Extended && deadline.Sub(now) < s.Lease:
		if err := s.Stock.Extend(ctx, reserved.ID, now.Add(s.Lease)); err != nil {
			return current, err
		}
		current.ExpiresAt = now.Add(s.Lease).UnixMilli()
	}
	return s.Orders.HoldForPayment(ctx, reserved, order.Hold{
		Deadline: current.ExpiresAt, AskUntil: current.ExpiresAt + s.AskGrace.Milliseconds(),
	})
}

// findOrInsert returns the order's open attempt with a provider, and makes one if there is none.
func (s *Service) findOrInsert(ctx context.Context, o order.Order, provider, returnURL string) (row attemptRow, isNew bool, err error) {
	for {
		rows, err := s.attemptsOf(ctx, o.ID)
		if err != nil {
			return attemptRow{}, false, err
		}
		before := 0
		for _, row := range rows {
			if row.Provider != provider {
				continue
			}
			if !row.isFinal() {
				return row, false, nil
			}
			before++
		}
		now := s.Now().UnixMilli()
		row := attemptRow{
			ID: attemptID(o.ID, provider, before), OrderID: o.ID, Provider: provider,
			Amount: o.Amount.Amount, Currency: o.Amount.Currency, State: starting, ReturnURL: returnURL,
			ExpiresAt: o.ExpiresAt, NextAt: now + callTimeout.Milliseconds(), CreatedAt: now,
		}
		switch err := s.insertAttempt(ctx, row); {
		case err == nil:
			return row, true, nil
		case !s.db.IsDuplicate(err): // otherwise another call has just made it
			return attemptRow{}, false, s.failed("record payment attempt", err)
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock"
)

const delaySenders = 256 // delay messages under way at once

// halfSender sends one transactional message for each order, as is usual. It uses the same client in the same way as ours.
type halfSender struct{ transactor *mq.Transactor }

func newHalfSender(ctx context.Context, f *fixture) (*halfSender, error) {
	// A check-back comes only when a commit was lost, and no baseline loses one here.
	unknown := func(context.Context, mq.Half) mq.Outcome { return mq.Unknown }
	transactor, err := f.bus.NewTransactor(ctx, benchGroup, unknown)
	if err != nil {
		return nil, err
	}
	f.onClose(func() error { return transactor.Close(ctx) })
	return &halfSender{transactor}, nil
}

// send runs local inside the listener and returns its error.
func (h *halfSender) send(ctx context.Context, p purchase, local func(context.Context) error) error {
	now := time.Now()
	id := stock.NewID(now)
	payload := event.Reserved{Orders: []event.Order{{
		ID: id, ScreeningID: screening, BuyerID: p.buyer(), Quantity: 1,
		Amount: event.Money{Amount: ticketPrice, Currency: currency}, CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(longWindow).UnixMilli(),
	}}}
	result := make(chan error, 1)
	outcome, err := mq.SendHalf(ctx, h.transactor, benchTopic, id, payload, func(ctx context.Context) mq.Outcome {
		err := local(ctx)
		result <- err
		if err != nil {
			return mq.Rollback
		}
		return mq.Commit
	})
	switch {
	case errors.Is(err, mq.ErrNotSent):
		return errBusy // the listener has not run, and will not
	case err != nil:
		return err
	case outcome == mq.Unknown:
		return fmt.Errorf("the local transaction of %s broke off", p.buyer())
	}
	return <-result
}

// sendDelays sends one delay message for each order.
func sendDelays(ctx context.Context, f *fixture, orders []event.Order, level mq.DelayLevel) error {
	sender, err := f.bus.NewSender(ctx, benchGroup)
	if err != nil {
		return err
	}
	defer sender.Close()
	work := make(chan event.Order, len(orders))
	for _, o := range orders {
		work <- o
	}
	close(work)
	var failure firstError
	var senders sync.WaitGroup
	for range delaySenders {
		senders.Go(func() {
			for o := range work {
				due := event.Due{DueAt: o.ExpiresAt, OrderIDs: []string{o.ID}}
				failure.set(mq.SendDelayed(ctx, sender, benchDue, o.ID, due, level))
			}
		})
	}
	senders.Wait()
	return failure.get()
}

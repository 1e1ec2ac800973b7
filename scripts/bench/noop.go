package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock"
)

// noop is the ceiling of one transactional message per order: a listener that does nothing, so no order is made at all.
type noop struct {
	*rig
	halves *halves
	sent   atomic.Int64
}

func openNoop(ctx context.Context, r *rig) (*noop, error) {
	h, err := openHalves(ctx, r)
	return &noop{rig: r, halves: h}, err
}

func (n *noop) buy(ctx context.Context, p purchase) error {
	err := n.halves.send(ctx, p, func(context.Context) error { return nil })
	if err == nil {
		n.sent.Add(1)
	}
	return err
}

func (n *noop) rows(context.Context) (int64, error) { return n.sent.Load(), nil }

func (n *noop) rest(ctx context.Context, accepted int64) error {
	if sent := n.sent.Load(); sent != accepted {
		return fmt.Errorf("%d messages are sent", sent)
	}
	return n.queuesRest(ctx)
}

// halves sends one transactional message for each order, as is usual. It uses the same client in the same way as ours.
type halves struct{ transactor *mq.Transactor }

func openHalves(ctx context.Context, r *rig) (*halves, error) {
	// A check-back comes only when a commit was lost, and no baseline loses one here.
	unknown := func(context.Context, mq.Half) mq.Outcome { return mq.Unknown }
	transactor, err := r.bus.NewTransactor(ctx, benchGroup, unknown)
	if err != nil {
		return nil, err
	}
	r.onClose(func() error { return transactor.Close(ctx) })
	return &halves{transactor}, nil
}

// send runs local inside the listener and returns its error.
func (h *halves) send(ctx context.Context, p purchase, local func(context.Context) error) error {
	now := time.Now()
	id := stock.NewID(now)
	payload := event.Reserved{Orders: []event.Order{{
		ID: id, ScreeningID: screening, BuyerID: p.buyer(), Quantity: 1,
		Amount: event.Money{Amount: ticketPrice, Currency: currency}, CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(farWindow).UnixMilli(),
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

// Package cancellation ends the orders of screenings that are cancelled: those that wait for their payment are cancelled,
// those that are paid are cancelled and their money goes back. Stock knows which orders there are, and how far the work
// has come; the order service decides each of them.
package cancellation

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"boxoffice/common/mq"
	"boxoffice/common/outage"
	"boxoffice/order"
	"boxoffice/stock"
)

const (
	lookPause   = time.Second      // between two looks for work
	stepTimeout = 20 * time.Second // less than the lease of a step
	stepOrders  = 200
)

// Worker ends the orders of cancelled screenings, some at a time. Any number of processes may run one; they share the
// screenings. It may die at any point: another goes on with the same orders, and to end one twice changes nothing.
type Worker struct {
	stock  *stock.Stock
	orders *order.Orders
	ended  func(ctx context.Context, orderIDs []string) error
	log    *slog.Logger
	limit  int // orders in one step

	ordersAway func(error) bool // is told of each use of the order database; nil where somebody else tells of its outages
}

// New returns a worker on the two databases of an office. ended is told of orders that have become final: what their buyers have
// begun to pay is to be closed at the payment providers.
// ordersAway is told of each use of the order database, and may be nil.
func New(
	s *stock.Stock, o *order.Orders, ended func(ctx context.Context, orderIDs []string) error, ordersAway func(error) bool, log *slog.Logger,
) *Worker {
	return &Worker{stock: s, orders: o, ended: ended, ordersAway: ordersAway, log: log, limit: stepOrders}
}

// Run works until ctx ends. Of an outage of what this process needs there are lines already.
func (w *Worker) Run(ctx context.Context) {
	ticker := time.NewTicker(lookPause)
	defer ticker.Stop()
	loop := outage.NewLoop(w.log, "end the orders of a cancelled screening", stock.ErrUnavailable, order.ErrUnavailable, mq.ErrUnavailable)
	for {
		worked, err := w.Step(ctx)
		if worked || err != nil { // to find nothing to do says nothing: what has failed rests until its lease ends
			loop.Observe(ctx, err)
		}
		if w.ordersAway != nil && worked && ctx.Err() == nil && (err == nil || errors.Is(err, order.ErrUnavailable)) {
			w.ordersAway(err)
		}
		if worked && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Step ends the next orders of a cancelled screening, and tells whether there was something to do. After an error the same
// orders come again when the lease of the step has ended.
func (w *Worker) Step(ctx context.Context) (worked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	step, err := w.stock.ClaimCancellation(ctx, w.limit)
	if err != nil || step == nil {
		return false, err
	}
	if len(step.Held)+len(step.Sold) > 0 {
		if err := w.orders.CancelForScreening(ctx, step.Held, step.Sold); err != nil {
			return true, err
		}
		var ids []string
		for _, ended := range slices.Concat(step.Held, step.Sold) {
			ids = append(ids, ended.ID)
		}
		if err := w.ended(ctx, ids); err != nil {
			return true, err
		}
		w.log.InfoContext(ctx, "ended orders of a cancelled screening", "screening_id", step.ScreeningID,
			"orders", len(step.Held)+len(step.Sold))
	}
	return true, w.stock.EndCancellationStep(ctx, step)
}

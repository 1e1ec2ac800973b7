// Package purge deletes what services of their own have made of orders, once the orders themselves are in the archive and
// nowhere else: tickets, and what buyers were told.
package purge

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"boxoffice/order"
)

// Orders is what this package reads of the order service. Find leaves absent ids out of its answer.
type Orders interface {
	Find(ctx context.Context, ids ...string) (map[string]order.Order, error)
}

// Gone tells whether the orders of a screening are in the archive and nowhere else.
type Gone func(ctx context.Context, screeningID string) (bool, error)

// Rows is what a service has of orders, gone over in the order of ids and a page at a time, so that nobody waits for it long.
type Rows struct {
	Orders     Orders
	Screenings func(ctx context.Context, after string) (ids []string, err error)            // those that have rows; none at the end
	OrdersOf   func(ctx context.Context, screeningID, after string) (ids []string, _ error) // those of a screening
	Delete     func(ctx context.Context, orderIDs []string) (deleted int64, err error)      // in one transaction
}

// Purge deletes the rows of those orders whose screening is gone, and returns how many. What the order service still has
// stays, whatever was said of its screening: a message of it that comes again would have all that made anew.
func (r Rows) Purge(ctx context.Context, gone Gone) (deleted int64, err error) {
	for after := ""; ; {
		ids, err := r.Screenings(ctx, after)
		if err != nil {
			return deleted, fmt.Errorf("read screenings to purge: %w", err)
		}
		if len(ids) == 0 {
			return deleted, nil
		}
		for _, id := range ids {
			isGone, err := gone(ctx, id)
			if err != nil {
				return deleted, fmt.Errorf("ask for screening %s: %w", id, err)
			}
			if !isGone {
				continue
			}
			n, err := r.purgeScreening(ctx, id)
			deleted += n
			if err != nil {
				return deleted, err
			}
		}
		after = ids[len(ids)-1]
	}
}

func (r Rows) purgeScreening(ctx context.Context, screeningID string) (deleted int64, err error) {
	for after := ""; ; {
		ids, err := r.OrdersOf(ctx, screeningID, after)
		if err != nil {
			return deleted, fmt.Errorf("read orders to purge: %w", err)
		}
		if len(ids) == 0 {
			return deleted, nil
		}
		after = ids[len(ids)-1]
		present, err := r.Orders.Find(ctx, ids...)
		if err != nil {
			return deleted, fmt.Errorf("ask for orders to purge: %w", err)
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { _, exists := present[id]; return exists })
		if len(ids) == 0 {
			continue
		}
		n, err := r.Delete(ctx, ids)
		deleted += n
		if err != nil {
			return deleted, err
		}
	}
}

// Every purges after a first pause, and after each further one, until ctx ends, and logs what was purged. A purge that fails is
// tried again. In the first pause the consumers of a process that was away read what has come meanwhile: of a buyer who seems
// to have nothing left there may be something to tell.
func Every(ctx context.Context, first, pause time.Duration, log *slog.Logger, once func(context.Context) (deleted int64, err error)) {
	for wait := first; ; wait = pause {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		n, err := once(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.WarnContext(ctx, "purge: it is tried again later", "error", err)
		case n > 0:
			log.InfoContext(ctx, "purged what archived screenings have left", "rows", n)
		}
	}
}

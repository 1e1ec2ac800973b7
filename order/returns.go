package order

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/db"
)

const (
	returnsMax = 64 // orders of which AnnounceReturned tells at once

	// returnGrace is how long CancelPaid has to tell stock itself.
	returnGrace = 10 * time.Second
)

// announceReturned tells stock that the tickets of these orders return. What is not told, because the process dies between
// the commit and the message or nobody takes that, AnnounceReturned tells.
func (o *Orders) announceReturned(ctx context.Context, orders map[string]Order, ids []string) error {
	switch err := o.announce(ctx, orders); {
	case isOutage(err):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case err != nil:
		return err
	}
	if err := o.db.InTx(ctx, func(tx *db.Tx) error { return dropReturns(ctx, tx, ids) }); err != nil {
		return o.unavailable(err)
	}
	return nil
}

// AnnounceReturned tells stock once more of the orders that the office has cancelled and of which it may not have heard, and
// returns how many there were. Stock's sweeper passes over tickets that are sold, so nothing else would return them. Any
// number of processes may call it: to tell it twice changes nothing.
func (o *Orders) AnnounceReturned(ctx context.Context) (int, error) {
	var ids []string
	if err := o.db.Reader().SelectContext(ctx, &ids, `SELECT order_id FROM order_returns WHERE next_at <= ?
		ORDER BY next_at LIMIT ?`, o.now().UnixMilli(), returnsMax); err != nil {
		return 0, o.unavailable(fmt.Errorf("read the returns of tickets: %w", err))
	}
	if len(ids) == 0 {
		return 0, nil
	}
	orders, err := o.Find(ctx, ids...) // one that is in the archive has returned its tickets
	if err != nil {
		return 0, err
	}
	if err := o.announceReturned(ctx, orders, ids); err != nil {
		return 0, fmt.Errorf("tell stock of returned tickets: %w", err)
	}
	return len(ids), nil
}

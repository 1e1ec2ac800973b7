package crash

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"boxoffice/common/db"
)

// The databases of an office.
const (
	stockBase   = "stock"
	orderBase   = "order"
	ticketsBase = "tickets"
	notifyBase  = "notify"
)

func bases() []string { return []string{stockBase, orderBase, ticketsBase, notifyBase} }

// books reads the databases of an office behind its back.
type books struct{ bases map[string]*db.DB }

func openBooks(ctx context.Context, dsns map[string]string) (*books, error) {
	b := &books{bases: map[string]*db.DB{}}
	for name, dsn := range dsns {
		d, err := db.OpenThrough(ctx, dsn, nil)
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
		b.bases[name] = d
	}
	return b, nil
}

func (b *books) close() error {
	var err error
	for _, d := range b.bases {
		err = errors.Join(err, d.Close())
	}
	return err
}

// rows reads what a query gives.
func rows[T any](ctx context.Context, b *books, base, query string, args ...any) (found []T, err error) {
	if err := b.bases[base].Reader().SelectContext(ctx, &found, query, args...); err != nil {
		return nil, fmt.Errorf("read %s: %w", base, err)
	}
	return found, nil
}

// atOnce is what has to be true at any moment, also while everything is under way: the counters of each screening are the sums
// of its reservations, and whoever was acknowledged has one.
func (b *books) atOnce(ctx context.Context, acknowledged []string) (broken []string, err error) {
	sums, err := rows[struct {
		ScreeningID                                               string `db:"screening_id"`
		Available, Reserved, Sold, Capacity, ReservedSum, SoldSum int64
	}](ctx, b, stockBase, `SELECT k.screening_id, k.available, k.reserved, k.sold, k.capacity,
		COALESCE((SELECT SUM(r.quantity) FROM reservations r WHERE r.screening_id = k.screening_id AND r.state = 'reserved'), 0) AS reservedsum,
		COALESCE((SELECT SUM(r.quantity) FROM reservations r WHERE r.screening_id = k.screening_id AND r.state = 'sold'), 0) AS soldsum
		FROM stock k`)
	if err != nil {
		return nil, err
	}
	for _, s := range sums {
		if s.Available+s.Reserved+s.Sold != s.Capacity || s.Reserved != s.ReservedSum || s.Sold != s.SoldSum {
			broken = append(broken, fmt.Sprintf("stock %+v", s))
		}
	}
	for ids := range slices.Chunk(acknowledged, 500) {
		known, err := rows[string](ctx, b, stockBase, `SELECT order_id FROM reservations WHERE order_id IN `+db.In(len(ids)), db.Args(ids)...)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if !slices.Contains(known, id) {
				broken = append(broken, "acknowledged order "+id+" has no reservation")
			}
		}
	}
	return broken, nil
}

// open is how much is under way, by name; nothing when the office is at rest.
func (b *books) open(ctx context.Context) (map[string]int, error) {
	left := map[string]int{}
	for what, query := range map[string][2]string{
		"pending orders":        {orderBase, `SELECT COUNT(*) FROM orders WHERE state = 'PENDING_PAYMENT'`},
		"refunds":               {orderBase, `SELECT COUNT(*) FROM refunds WHERE state <> 'done'`},
		"revivals":              {orderBase, `SELECT COUNT(*) FROM revivals`},
		"parked payments":       {orderBase, `SELECT COUNT(*) FROM payments WHERE result = 'parked'`},
		"held reservations":     {stockBase, `SELECT COUNT(*) FROM reservations WHERE state = 'reserved'`},
		"messages to buyers":    {notifyBase, `SELECT COUNT(*) FROM notifications WHERE state = 'due'`},
		"returned and not told": {orderBase, `SELECT COUNT(*) FROM order_returns`},
	} {
		count, err := rows[int](ctx, b, query[0], query[1])
		if err != nil {
			return nil, err
		}
		if count[0] > 0 {
			left[what] = count[0]
		}
	}
	return left, nil
}

// hurry ends the leases of the dead, so that nobody waits a minute for them.
func (b *books) hurry(ctx context.Context) error {
	for base, statement := range map[string]string{
		orderBase:  `UPDATE refunds SET next_at = 0 WHERE state IN ('due', 'failed') AND next_at > 0`,
		notifyBase: `UPDATE notifications SET next_at = 0 WHERE state = 'due' AND next_at > 0`,
	} {
		if err := b.bases[base].InTx(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, statement)
			return err
		}); err != nil {
			return fmt.Errorf("end leases: %w", err)
		}
	}
	return nil
}

// standing is where an order ends.
type standing struct {
	ID       string
	State    string
	Reason   string
	Quantity int64
}

// orders reads all orders.
func (b *books) orders(ctx context.Context) (map[string]standing, error) {
	all, err := rows[standing](ctx, b, orderBase, `SELECT id, state, COALESCE(cancel_reason, '') AS reason, quantity FROM orders`)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]standing, len(all))
	for _, o := range all {
		byID[o.ID] = o
	}
	return byID, nil
}

// sorted are the keys of a map, for reports that read the same each time.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

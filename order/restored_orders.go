package order

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/db"
)

// RestoredOrders reads the orders of a database that was restored and that no office runs on yet.
type RestoredOrders struct{ DB *db.DB }

// Find returns orders by id; absent ids are left out.
func (r RestoredOrders) Find(ctx context.Context, ids ...string) (map[string]Order, error) {
	return readOrders(ctx, r.DB.Reader(), ids)
}

// SettledSince returns the ids of orders that were paid or cancelled since a time, in their order, after the one with afterID.
func (r RestoredOrders) SettledSince(ctx context.Context, since time.Time, afterID string, limit int) (ids []string, err error) {
	if err := r.DB.Reader().SelectContext(ctx, &ids, `SELECT id FROM orders WHERE id > ? AND settled_at >= ? ORDER BY id LIMIT ?`,
		afterID, since.UnixMilli(), limit); err != nil {
		return nil, fmt.Errorf("read orders of a restored database: %w", err)
	}
	return ids, nil
}

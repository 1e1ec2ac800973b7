package order

import (
	"context"
	"fmt"

	"boxoffice/common/db"
)

// insertReturn records that stock is to be told that the tickets of an order return, at the latest at nextAt (Unix
// milliseconds).
func insertReturn(ctx context.Context, tx *db.Tx, orderID string, nextAt int64) error {
	if err := tx.Insert(ctx, `order_returns (order_id, next_at)`, []any{orderID, nextAt}); err != nil {
		return fmt.Errorf("record the return of tickets: %w", err)
	}
	return nil
}

// dropReturns forgets orders of which stock has been told.
func dropReturns(ctx context.Context, tx *db.Tx, orderIDs []string) error {
	if err := tx.ExecIn(ctx, `DELETE FROM order_returns WHERE order_id IN (?)`, orderIDs); err != nil {
		return fmt.Errorf("forget the return of tickets: %w", err)
	}
	return nil
}

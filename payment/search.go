package payment

import (
	"context"
	"errors"

	"boxoffice/common/db"
)

// An order that was pending in a backup may have been paid since, with a payment that the restored database has forgotten. Who
// cancels it as unpaid asks for that first. However it has ended otherwise, paid anew or cancelled by its buyer, it is asked for
// afterwards.

// searchMax is for how many orders the providers are asked in one pass.
const searchMax = 16

// searchRow is the row of an order whose forgotten payments are looked for. Times are Unix milliseconds.
type searchRow struct {
	OrderID string `db:"order_id"`
	Tries   int    `db:"tries"`
	NextAt  int64  `db:"next_at"`
	UntilAt int64  `db:"until_at"`
}

// claimSearches gets the orders whose time has come for this worker.
func (s *Service) claimSearches(ctx context.Context) (claimed []searchRow, err error) {
	rows, err := s.dueSearches(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		switch row, err := s.claimSearch(ctx, row); {
		case err == nil:
			claimed = append(claimed, row)
		case !errors.Is(err, db.ErrConflict): // or another worker has it
			return nil, err
		}
	}
	return claimed, nil
}

// dueSearches reads the orders whose time has come. One that is gone is in the archive, and has ended.
func (s *Service) dueSearches(ctx context.Context) (rows []searchRow, err error) {
	err = s.db.Reader().SelectContext(ctx, &rows, `SELECT r.order_id, r.tries, r.next_at, r.until_at
		FROM restored_orders r LEFT JOIN orders o ON o.id = r.order_id
		WHERE r.next_at <= ? AND (o.id IS NULL OR o.state <> 'PENDING_PAYMENT') ORDER BY r.next_at, r.order_id LIMIT ?`,
		s.Now().UnixMilli(), searchMax)
	return rows, s.failed("read restored orders to ask for", err)
}

// claimSearch is how a worker gets an order for itself: it rests until the lease ends should the worker die.
func (s *Service) claimSearch(ctx context.Context, row searchRow) (searchRow, error) {
	lease := s.Now().Add(claimLease).UnixMilli()
	err := s.claim(ctx, `UPDATE restored_orders SET next_at = ?, tries = tries + 1 WHERE order_id = ? AND next_at = ?`,
		lease, row.OrderID, row.NextAt)
	row.NextAt = lease
	return row, err
}

// searchLater has an order asked for again, unless its time is over: no provider says of each payment whether it ever was.
func (s *Service) searchLater(ctx context.Context, row searchRow) error {
	now := s.Now()
	if now.UnixMilli() >= row.UntilAt {
		s.Log.InfoContext(ctx, "the search for payments that a restored database has forgotten ends without every provider's word",
			"order_id", row.OrderID)
		return s.endSearch(ctx, []string{row.OrderID})
	}
	next := min(now.Add(searchPause(row.Tries)).UnixMilli(), row.UntilAt)
	return s.change(ctx, `UPDATE restored_orders SET next_at = ? WHERE order_id = ? AND next_at = ?`, next, row.OrderID, row.NextAt)
}

// searchUntried has an order asked for soon, as if it had not been claimed: a provider was busy with other lists of orders, and
// nobody has asked it. So its time is not over either.
func (s *Service) searchUntried(ctx context.Context, row searchRow) error {
	return s.change(ctx, `UPDATE restored_orders SET next_at = ?, tries = ? WHERE order_id = ? AND next_at = ?`,
		s.Now().Add(firstSearchPause).UnixMilli(), row.Tries, row.OrderID, row.NextAt)
}

// endSearch says that all is known of the forgotten payments of these orders.
func (s *Service) endSearch(ctx context.Context, orderIDs []string) error {
	if len(orderIDs) == 0 {
		return nil
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecIn(ctx, `DELETE FROM restored_orders WHERE order_id IN (?)`, orderIDs)
	})
	return s.failed("end the search for forgotten payments", err)
}

package payment

import (
	"context"

	"boxoffice/common/db"
)

// A database that was restored from a backup has forgotten the attempts that were started since. Their ids are made of what it
// still knows, so each provider can be asked for them.

// forgottenMax is how many attempts of an order with one provider are looked for beyond those that are known. Each that its
// provider closes is followed by another when its buyer pays again; nobody can say of one that it never was.
const forgottenMax = 8

// forgotten returns the attempts that those of the orders may have that were restored, besides the attempts that are known. They
// have no rows: to close one that never was does no harm.
func (s *Service) forgotten(ctx context.Context, orderIDs []string, known []attemptRow) (found []attemptRow, err error) {
	rows, err := db.SelectIn[attemptRow](ctx, s.db.Reader(), `SELECT id AS order_id, amount, currency, expires_at FROM orders
		WHERE restored = 1 AND id IN (?)`, orderIDs)
	if err != nil || len(rows) == 0 {
		return nil, s.failed("read restored orders", err)
	}
	type by struct{ orderID, provider string }
	before := map[by]int{}
	for _, a := range known {
		before[by{a.OrderID, a.Provider}]++
	}
	for further := range forgottenMax { // first the likeliest of each order: time may be up before the last
		for _, row := range rows {
			row.ExpiresAt += s.Lease.Milliseconds() // the latest that it ended: the order's deadline may have moved since the backup
			for _, provider := range s.Providers() {
				n := before[by{row.OrderID, provider}] + further
				if n >= attemptsMax {
					continue
				}
				row.ID, row.Provider, row.State = attemptID(row.OrderID, provider, n), provider, Open
				found = append(found, row)
			}
		}
	}
	return found, nil
}

// isRestored tells whether an order was pending in the backup that was restored.
func (s *Service) isRestored(ctx context.Context, orderID string) (bool, error) {
	var found []int
	err := s.db.Reader().SelectContext(ctx, &found, `SELECT 1 FROM orders WHERE id = ? AND restored = 1`, orderID)
	return len(found) > 0, s.failed("look whether an order was restored", err)
}

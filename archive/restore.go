package archive

import (
	"context"
	"errors"
	"fmt"

	"boxoffice/stock"
)

// Restore puts the orders of an archived screening back from its file, and returns the screening's id. It may be run again
// after it was stopped. The screening rests until it is as old again, before Run archives it once more.
func (a *Archiver) Restore(ctx context.Context, path string) (screeningID string, err error) {
	c, err := readFile(path, func(line) error { return ctx.Err() })
	if err != nil {
		return "", err
	}
	if err := a.restore(ctx, path, c); err != nil {
		return "", fmt.Errorf("restore screening %s: %w", c.screening.ID, err)
	}
	a.opts.Log.Info("restored a screening", "screening", c.screening.ID, "orders", c.end.Sums.Orders, "file", path)
	return c.screening.ID, nil
}

func (a *Archiver) restore(ctx context.Context, path string, c contents) error {
	screeningID := c.screening.ID
	archived, err := a.stock.Archive(ctx, screeningID)
	switch {
	case err != nil:
		return err
	case !archived.RestoredAt.IsZero():
		return stock.ErrNotArchived
	case archived.WrittenAt.IsZero():
		return errors.New("its archive is not written yet, and all of its orders are still there")
	}
	if err := c.isOf(archived); err != nil {
		return err
	}
	if err := a.stock.TakeArchive(ctx, screeningID, a.worker); err != nil {
		return err
	}
	if err := a.restoreRows(ctx, path, screeningID); err != nil {
		return errors.Join(err, a.leave(ctx, screeningID))
	}
	return nil
}

// restoreRows brings each reservation back before its order: nothing ever was ordered that is not reserved.
func (a *Archiver) restoreRows(ctx context.Context, path, screeningID string) error {
	if err := readOrders(path, step, func(orders []orderLine) error {
		records, reservations := split(orders)
		if err := a.stock.RestoreReservations(ctx, screeningID, a.worker, reservations); err != nil {
			return err
		}
		return a.orders.RestoreRecords(ctx, records)
	}, func(holdings []stock.ArchivedHolding) error {
		return a.stock.RestoreHoldings(ctx, screeningID, a.worker, holdings)
	}); err != nil {
		return err
	}
	return a.stock.FinishRestore(ctx, screeningID, a.worker)
}

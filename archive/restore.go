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
	if err := a.opts.Ready(ctx); err != nil {
		return "", err
	}
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
	archive, err := a.stock.Archive(ctx, c.screening.ID)
	if err != nil {
		return err
	}
	if err := restorable(archive, c); err != nil {
		return err
	}
	lease, archive, err := a.stock.TakeArchive(ctx, c.screening.ID, a.worker)
	if err != nil {
		return err
	}
	err = restorable(archive, c) // as it stands now that nobody else changes it
	if err == nil {
		err = a.restoreRows(ctx, lease, path)
	}
	if err != nil {
		return errors.Join(err, a.leave(ctx, lease))
	}
	return nil
}

// restorable tells whether a file's orders are those that an archive has taken out of the databases.
func restorable(archive stock.Archive, c contents) error {
	switch {
	case !archive.RestoredAt.IsZero():
		return stock.ErrNotArchived
	case archive.WrittenAt.IsZero():
		return errors.New("its archive is not written yet, and all of its orders are still there")
	}
	return c.isOf(archive)
}

// restoreRows brings each reservation back before its order: nothing ever was ordered that is not reserved.
func (a *Archiver) restoreRows(ctx context.Context, lease stock.ArchiveLease, path string) error {
	if err := a.orders.FenceArchive(ctx, lease.ScreeningID, lease.Epoch); err != nil {
		return err
	}
	if err := readOrders(path, step, func(orders []orderLine) error {
		records, reservations := split(orders)
		if err := a.stock.RestoreReservations(ctx, lease, reservations); err != nil {
			return err
		}
		return a.orders.RestoreRecords(ctx, lease.ScreeningID, lease.Epoch, records)
	}, func(holdings []stock.ArchivedHolding) error {
		return a.stock.RestoreHoldings(ctx, lease, holdings)
	}); err != nil {
		return err
	}
	return a.stock.FinishRestore(ctx, lease)
}

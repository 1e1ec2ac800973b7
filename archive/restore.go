package archive

import (
	"context"
	"errors"
	"fmt"

	"boxoffice/stock"
)

// Restore inserts the orders of an archived screening again from its file, and returns the screening's id. After it was
// stopped it can be run again. Run archives the screening anew only when the restore is as old as its age asks.
func (a *Archiver) Restore(ctx context.Context, path string) (screeningID string, err error) {
	if err := a.opts.Ready(ctx); err != nil {
		return "", err
	}
	summary, err := readFile(path, func(line) error { return ctx.Err() })
	if err != nil {
		return "", err
	}
	if err := a.restore(ctx, path, summary); err != nil {
		return "", fmt.Errorf("restore screening %s: %w", summary.screening.ID, err)
	}
	a.opts.Log.Info("restored a screening", "screening_id", summary.screening.ID, "orders", summary.totals.Sums.Orders, "file", path)
	return summary.screening.ID, nil
}

func (a *Archiver) restore(ctx context.Context, path string, summary fileSummary) error {
	archive, err := a.stock.Archive(ctx, summary.screening.ID)
	if err != nil {
		return err
	}
	if err := checkRestorable(archive, summary); err != nil {
		return err
	}
	lease, archive, err := a.stock.TakeArchive(ctx, summary.screening.ID, a.worker)
	if err != nil {
		return err
	}
	err = checkRestorable(archive, summary) // again: another process may have changed it before the lease
	if err == nil {
		err = a.restoreRows(ctx, lease, path)
	}
	if err != nil {
		return errors.Join(err, a.releaseLease(ctx, lease))
	}
	return nil
}

// checkRestorable refuses a file whose orders are not those that an archive has deleted from the databases.
func checkRestorable(archive stock.Archive, summary fileSummary) error {
	switch {
	case !archive.RestoredAt.IsZero():
		return stock.ErrNotArchived
	case archive.WrittenAt.IsZero():
		return errors.New("its archive is not written yet, and all of its orders are still there")
	}
	return summary.checkArchive(archive)
}

// restoreRows inserts each reservation before its order, because an order never exists without its reservation.
func (a *Archiver) restoreRows(ctx context.Context, lease stock.ArchiveLease, path string) error {
	if err := a.orders.FenceArchive(ctx, lease.ScreeningID, lease.Epoch); err != nil {
		return err
	}
	if err := readChunks(path, a.rows, func(orders []orderLine) error {
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
	if err := a.orders.EndRestore(ctx, lease.ScreeningID, lease.Epoch); err != nil {
		return err
	}
	return a.stock.FinishRestore(ctx, lease)
}

package archive

import (
	"context"

	"boxoffice/stock"
)

// verifyAndDrop verifies the file that another run has written, and deletes the rows that are in it.
func (a *Archiver) verifyAndDrop(ctx context.Context, lease stock.ArchiveLease, archive stock.Archive) error {
	if err := a.orders.FenceArchive(ctx, lease.ScreeningID, lease.Epoch); err != nil {
		return err
	}
	summary, err := a.readBack(ctx, lease, archive.File)
	if err != nil {
		return err
	}
	if err := summary.checkArchive(archive); err != nil {
		return err
	}
	return a.drop(ctx, lease, archive)
}

// drop deletes the rows that are in a verified file.
func (a *Archiver) drop(ctx context.Context, lease stock.ArchiveLease, archive stock.Archive) error {
	if err := a.dropRows(ctx, lease, archive.File); err != nil {
		return err
	}
	a.opts.Log.Info("archived a screening", "screening_id", archive.ScreeningID, "orders", archive.Sums.Orders, "file", archive.File)
	return nil
}

// dropRows deletes each order before its reservation. The reservation has the request id, by which a repeated purchase
// is recognised, and when it is deleted the id is kept among the archived ones.
func (a *Archiver) dropRows(ctx context.Context, lease stock.ArchiveLease, path string) error {
	if err := readChunks(path, a.rows, func(orders []orderLine) error {
		records, reservations := split(orders)
		if err := a.orders.DropRecords(ctx, lease.ScreeningID, lease.Epoch, records); err != nil {
			return err
		}
		return a.stock.DropReservations(ctx, lease, reservations)
	}, func([]stock.ArchivedHolding) error { return nil }); err != nil {
		return err
	}
	for {
		more, err := a.stock.DropHoldings(ctx, lease, a.rows)
		if err != nil {
			return err
		}
		if !more {
			return a.stock.FinishArchive(ctx, lease)
		}
	}
}

package archive

import (
	"context"
	"errors"
	"fmt"

	"boxoffice/stock"
)

// write writes the file of a closed screening, and returns the archive that the database is to record.
func (a *Archiver) write(ctx context.Context, lease stock.ArchiveLease) (archive stock.Archive, err error) {
	if err := a.orders.FenceArchive(ctx, lease.ScreeningID, lease.Epoch); err != nil {
		return archive, err
	}
	w, err := createFile(a.opts.Dir, lease.ScreeningID)
	if err != nil {
		return archive, err
	}
	archive, err = a.writeFile(ctx, lease, w)
	if err != nil {
		return archive, errors.Join(err, w.discard())
	}
	return archive, nil
}

func (a *Archiver) writeFile(ctx context.Context, lease stock.ArchiveLease, w *fileWriter) (stock.Archive, error) {
	archive := stock.Archive{ScreeningID: lease.ScreeningID, File: w.path}
	var err error
	if archive.Sums, err = a.writeLines(ctx, w, lease); err != nil {
		return archive, err
	}
	if err := w.sync(); err != nil {
		return archive, err
	}
	summary, err := a.readBack(ctx, lease, w.file.Name())
	if err != nil {
		return archive, err
	}
	if err := summary.checkArchive(archive); err != nil {
		return archive, err
	}
	archive.Digest = summary.digest
	if err := a.stock.RenewArchive(ctx, lease); err != nil {
		return archive, err
	}
	return archive, w.complete()
}

// readBack verifies a file before the orders in it are deleted, and adds their request ids to the filter of archived
// ones. It takes them from the file, because only what is on the disk may be deleted.
func (a *Archiver) readBack(ctx context.Context, lease stock.ArchiveLease, path string) (fileSummary, error) {
	var requests []string
	flush := func(atLeast int) error {
		if len(requests) < atLeast {
			return nil
		}
		chunk := requests
		requests = nil
		return a.stock.FilterRequests(ctx, lease, chunk)
	}
	summary, err := readFile(path, func(l line) error {
		if l.Order != nil {
			requests = append(requests, l.Order.Reservation.RequestID)
		}
		return errors.Join(ctx.Err(), flush(requestsPerTx))
	})
	if err == nil {
		err = flush(1)
	}
	return summary, err
}

// writeLines writes all lines of a file, and returns the sums of the orders.
func (a *Archiver) writeLines(ctx context.Context, w *fileWriter, lease stock.ArchiveLease) (sums stock.ArchiveSums, err error) {
	screening, err := a.stock.Screening(ctx, lease.ScreeningID)
	if err != nil {
		return sums, err
	}
	if err := w.write(line{Screening: &screeningLine{
		fileVersion, screening.ID, screening.Movie, screening.Venue, screening.StartsAt, screening.Price.Amount, screening.Price.Currency,
		screening.Capacity, screening.Sold, screening.SaleOpensAt, screening.SaleClosesAt, screening.PerUserLimit,
	}}); err != nil {
		return sums, err
	}
	var totals endLine
	if err := a.writeOrders(ctx, w, lease, &totals); err != nil {
		return sums, err
	}
	if totals.Sums.TicketsSold != screening.Sold {
		return sums, fmt.Errorf("%w: tickets counted as sold: %d, in its orders: %d", ErrUnsettled, screening.Sold, totals.Sums.TicketsSold)
	}
	if err := a.writeHoldings(ctx, w, lease, &totals); err != nil {
		return sums, err
	}
	return totals.Sums, w.write(line{End: &totals})
}

func (a *Archiver) writeOrders(ctx context.Context, w *fileWriter, lease stock.ArchiveLease, totals *endLine) error {
	for after := (stock.ArchivedReservation{}); ; {
		page, err := a.stock.ArchivePage(ctx, lease.ScreeningID, after, a.rows)
		if err != nil || len(page) == 0 {
			return err
		}
		ids := make([]string, len(page))
		for i, r := range page {
			ids[i] = r.OrderID
		}
		records, err := a.orders.Records(ctx, ids...)
		if err != nil {
			return err
		}
		for _, r := range page {
			record, exists := records[r.OrderID]
			if !exists || !agree(r, record.Order) {
				return fmt.Errorf("%w: order %s is %q, its reservation %s", ErrUnsettled, r.OrderID, record.Order.State, r.State)
			}
			l := line{Order: &orderLine{r, record}}
			totals.count(l)
			if err := w.write(l); err != nil {
				return err
			}
		}
		if err := a.stock.RenewArchive(ctx, lease); err != nil {
			return err
		}
		after = page[len(page)-1]
	}
}

func (a *Archiver) writeHoldings(ctx context.Context, w *fileWriter, lease stock.ArchiveLease, totals *endLine) error {
	for afterBuyer := ""; ; {
		page, err := a.stock.ArchiveHoldings(ctx, lease.ScreeningID, afterBuyer, a.rows)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, holding := range page {
			l := line{Holding: &holding}
			totals.count(l)
			if err := w.write(l); err != nil {
				return err
			}
		}
		if err := a.stock.RenewArchive(ctx, lease); err != nil {
			return err
		}
		afterBuyer = page[len(page)-1].BuyerID
	}
}

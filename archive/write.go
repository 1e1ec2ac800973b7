package archive

import (
	"context"
	"errors"
	"fmt"

	"boxoffice/order"
	"boxoffice/stock"
)

// write makes the file of a closed screening, and returns what the archive is.
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

func (a *Archiver) writeFile(ctx context.Context, lease stock.ArchiveLease, w *writer) (stock.Archive, error) {
	archive := stock.Archive{ScreeningID: lease.ScreeningID, File: w.path}
	var err error
	if archive.Sums, err = a.writeLines(ctx, w, lease); err != nil {
		return archive, err
	}
	if err := w.sync(); err != nil {
		return archive, err
	}
	c, err := a.readBack(ctx, lease, w.file.Name())
	if err != nil {
		return archive, err
	}
	if err := c.isOf(archive); err != nil {
		return archive, err
	}
	archive.Digest = c.digest
	if err := a.stock.KeepArchive(ctx, lease); err != nil {
		return archive, err
	}
	return archive, w.complete()
}

// readBack verifies a file, and prepares the deletion of what is in it: what is on the disk counts, not what was written.
func (a *Archiver) readBack(ctx context.Context, lease stock.ArchiveLease, path string) (contents, error) {
	var requests []string
	filter := func(atLeast int) error {
		if len(requests) < atLeast {
			return nil
		}
		some := requests
		requests = nil
		return a.stock.FilterRequests(ctx, lease, some)
	}
	c, err := readFile(path, func(l line) error {
		if l.Order != nil {
			requests = append(requests, l.Order.Reservation.RequestID)
		}
		return errors.Join(ctx.Err(), filter(filtered))
	})
	if err == nil {
		err = filter(1)
	}
	return c, err
}

func (a *Archiver) writeLines(ctx context.Context, w *writer, lease stock.ArchiveLease) (sums stock.ArchiveSums, err error) {
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
	var end endLine
	if err := a.writeOrders(ctx, w, lease, &end); err != nil {
		return sums, err
	}
	if end.Sums.TicketsSold != screening.Sold {
		return sums, fmt.Errorf("%w: %d tickets are counted as sold, its orders have %d", ErrUnsettled, screening.Sold, end.Sums.TicketsSold)
	}
	for after := ""; ; {
		holdings, err := a.stock.ArchiveHoldings(ctx, lease.ScreeningID, after, step)
		if err != nil {
			return sums, err
		}
		if len(holdings) == 0 {
			return end.Sums, w.write(line{End: &end})
		}
		for _, h := range holdings {
			l := line{Holding: &h}
			end.count(l)
			if err := w.write(l); err != nil {
				return sums, err
			}
		}
		if err := a.stock.KeepArchive(ctx, lease); err != nil {
			return sums, err
		}
		after = holdings[len(holdings)-1].BuyerID
	}
}

func (a *Archiver) writeOrders(ctx context.Context, w *writer, lease stock.ArchiveLease, end *endLine) error {
	for after := (stock.ArchivedReservation{}); ; {
		page, err := a.stock.ArchivePage(ctx, lease.ScreeningID, after, step)
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
			end.count(l)
			if err := w.write(l); err != nil {
				return err
			}
		}
		if err := a.stock.KeepArchive(ctx, lease); err != nil {
			return err
		}
		after = page[len(page)-1]
	}
}

// agree tells whether both services have the last word of an order, and the same one.
func agree(r stock.ArchivedReservation, o order.RecordedOrder) bool {
	return r.OrderID == o.ID && r.BuyerID == o.BuyerID && r.Quantity == o.Quantity && r.Amount == o.Amount && r.Currency == o.Currency &&
		(r.State == stock.Sold && o.State == order.Paid || r.State == stock.Released && o.State == order.Cancelled)
}

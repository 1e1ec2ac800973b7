package archive

import (
	"context"
	"errors"
	"fmt"

	"boxoffice/order"
	"boxoffice/stock"
)

// write makes the file of a closed screening, and returns what its books come to.
func (a *Archiver) write(ctx context.Context, screeningID, path string) (sums stock.ArchiveSums, err error) {
	w, err := createFile(path)
	if err != nil {
		return sums, err
	}
	sums, err = a.writeLines(ctx, w, screeningID)
	if err == nil {
		err = w.sync()
	}
	if err == nil {
		err = a.readBack(ctx, stock.Archive{ScreeningID: screeningID, File: w.file.Name(), Sums: sums})
	}
	if err != nil {
		return sums, errors.Join(err, w.giveUp())
	}
	return sums, w.complete()
}

// readBack verifies a file, and prepares the deletion of what is in it: what is on the disk counts, not what was written.
func (a *Archiver) readBack(ctx context.Context, archive stock.Archive) error {
	var requests []string
	filter := func(atLeast int) error {
		if len(requests) < atLeast {
			return nil
		}
		some := requests
		requests = nil
		return a.stock.FilterRequests(ctx, archive.ScreeningID, a.worker, some)
	}
	c, err := readFile(archive.File, func(l line) error {
		if l.Order != nil {
			requests = append(requests, l.Order.Reservation.RequestID)
		}
		return errors.Join(ctx.Err(), filter(filtered))
	})
	if err == nil {
		err = c.isOf(archive)
	}
	if err == nil {
		err = filter(1)
	}
	return err
}

func (a *Archiver) writeLines(ctx context.Context, w *writer, screeningID string) (sums stock.ArchiveSums, err error) {
	screening, err := a.stock.Screening(ctx, screeningID)
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
	if err := a.writeOrders(ctx, w, screeningID, &end); err != nil {
		return sums, err
	}
	if end.Sums.TicketsSold != screening.Sold {
		return sums, fmt.Errorf("%w: %d tickets are counted as sold, its orders have %d", ErrUnsettled, screening.Sold, end.Sums.TicketsSold)
	}
	for after := ""; ; {
		holdings, err := a.stock.ArchiveHoldings(ctx, screeningID, after, step)
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
		after = holdings[len(holdings)-1].BuyerID
	}
}

func (a *Archiver) writeOrders(ctx context.Context, w *writer, screeningID string, end *endLine) error {
	for after := (stock.ArchivedReservation{}); ; {
		page, err := a.stock.ArchivePage(ctx, screeningID, after, step)
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
		if err := a.stock.KeepArchive(ctx, screeningID, a.worker); err != nil {
			return err
		}
		after = page[len(page)-1]
	}
}

// agree tells whether both services have the last word of an order, and the same one.
func agree(r stock.ArchivedReservation, o order.RecordedOrder) bool {
	return r.BuyerID == o.BuyerID && r.Quantity == o.Quantity && r.Amount == o.Amount && r.Currency == o.Currency &&
		(r.State == stock.Sold && o.State == order.Paid || r.State == stock.Released && o.State == order.Cancelled)
}

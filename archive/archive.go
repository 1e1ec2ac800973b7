// Package archive takes screenings that are over out of the databases. The books of each stay there as one row of sums;
// its orders go to a compressed file of JSON lines, from which they can be restored.
package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"boxoffice/order"
	"boxoffice/stock"
)

const (
	// AgeMin is the least age at which a screening may be archived: by then no message of an order is on its way any more.
	AgeMin = 7 * 24 * time.Hour

	step       = 500     // orders in one transaction
	filtered   = 100_000 // orders whose request ids are added to the filter together
	screenings = 100     // in one look
)

// ErrUnsettled says that reservations and orders of a screening do not agree.
var ErrUnsettled = errors.New("the screening is not settled; boxoffice doctor says what is open")

// Archiver moves orders into files and back. Any number of processes may do so; each screening is one's at a time.
type Archiver struct {
	stock  *stock.Stock
	orders *order.Orders
	opts   Options
	worker string
}

// Options are the choices of an Archiver. Every field is required.
type Options struct {
	Dir   string                      // where the files are
	Ready func(context.Context) error // is asked before each run, which it can refuse
	Now   func() time.Time
	Log   *slog.Logger
}

// New returns an archiver over the databases of one office.
func New(s *stock.Stock, o *order.Orders, opts Options) *Archiver {
	return &Archiver{stock: s, orders: o, opts: opts, worker: rand.Text()}
}

// Run archives every screening whose sale and showing ended longer ago than age, after it has finished what a process
// that stopped left on its way. It returns how many it has archived. One that cannot be archived does not stop the others;
// the error then names each.
func (a *Archiver) Run(ctx context.Context, age time.Duration) (archived int, err error) {
	if age < AgeMin {
		return 0, fmt.Errorf("archive screenings that ended %v ago: %v is the least", age, AgeMin)
	}
	if err := os.MkdirAll(a.opts.Dir, 0o700); err != nil {
		return 0, fmt.Errorf("make the archive's directory: %w", err)
	}
	if err := a.opts.Ready(ctx); err != nil {
		return 0, err
	}
	unfinished, err := a.stock.UnfinishedArchives(ctx)
	if err != nil {
		return 0, err
	}
	var failed error
	note := func(screeningID string, err error) {
		switch {
		case err == nil:
			archived++
		case errors.Is(err, stock.ErrArchiveTaken), errors.Is(err, stock.ErrNotOver), errors.Is(err, order.ErrFenced):
			// Another process was faster.
		default:
			failed = errors.Join(failed, fmt.Errorf("archive screening %s: %w", screeningID, err))
		}
	}
	for _, archive := range unfinished {
		note(archive.ScreeningID, a.resume(ctx, archive.ScreeningID))
	}
	before := a.opts.Now().Add(-age)
	for after := ""; ctx.Err() == nil; {
		ids, err := a.stock.Archivable(ctx, before, after, screenings)
		if err != nil || len(ids) == 0 {
			return archived, errors.Join(failed, err)
		}
		for _, id := range ids {
			note(id, a.begin(ctx, id, before))
		}
		after = ids[len(ids)-1]
	}
	return archived, errors.Join(failed, ctx.Err())
}

func (a *Archiver) begin(ctx context.Context, screeningID string, before time.Time) error {
	lease, err := a.stock.BeginArchive(ctx, screeningID, a.worker, before)
	if err != nil {
		return err
	}
	return a.move(ctx, lease)
}

// resume goes on where a process has stopped: nothing is deleted before the file is complete.
func (a *Archiver) resume(ctx context.Context, screeningID string) error {
	lease, archive, err := a.stock.TakeArchive(ctx, screeningID, a.worker)
	if err != nil {
		return err
	}
	if archive.WrittenAt.IsZero() {
		return a.move(ctx, lease)
	}
	if err := a.verifyAndDrop(ctx, lease, archive); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("its orders are being deleted, and their file is not here: go on where it is: %w", err)
		}
		return errors.Join(err, a.leave(ctx, lease))
	}
	return nil
}

// move writes the file, and deletes what is in it.
func (a *Archiver) move(ctx context.Context, lease stock.ArchiveLease) error {
	archive, err := a.write(ctx, lease)
	if err != nil {
		// Also when ctx has ended: the sale's books stand as they stood.
		return errors.Join(err, a.stock.AbandonArchive(context.WithoutCancel(ctx), lease))
	}
	if err := a.stock.WrittenArchive(ctx, lease, archive.File, archive.Digest, archive.Sums); err != nil {
		if errors.Is(err, stock.ErrArchiveTaken) { // after any other error it may be the archive's file all the same
			err = errors.Join(err, os.Remove(archive.File))
		}
		return errors.Join(err, a.leave(ctx, lease))
	}
	if err := a.drop(ctx, lease, archive); err != nil {
		return errors.Join(err, a.leave(ctx, lease))
	}
	return nil
}

// verifyAndDrop deletes what is in the file of another run, once that is known to be whole.
func (a *Archiver) verifyAndDrop(ctx context.Context, lease stock.ArchiveLease, archive stock.Archive) error {
	if err := a.orders.FenceArchive(ctx, lease.ScreeningID, lease.Epoch); err != nil {
		return err
	}
	c, err := a.readBack(ctx, lease, archive.File)
	if err != nil {
		return err
	}
	if err := c.isOf(archive); err != nil {
		return err
	}
	return a.drop(ctx, lease, archive)
}

// drop deletes what is in a file that is known to be whole.
func (a *Archiver) drop(ctx context.Context, lease stock.ArchiveLease, archive stock.Archive) error {
	if err := a.dropRows(ctx, lease, archive.File); err != nil {
		return err
	}
	a.opts.Log.Info("archived a screening", "screening", archive.ScreeningID, "orders", archive.Sums.Orders, "file", archive.File)
	return nil
}

// dropRows deletes each order before its reservation: until that goes, and leaves its request id, the key is known by it.
func (a *Archiver) dropRows(ctx context.Context, lease stock.ArchiveLease, path string) error {
	if err := readOrders(path, step, func(orders []orderLine) error {
		records, reservations := split(orders)
		if err := a.orders.DropRecords(ctx, lease.ScreeningID, lease.Epoch, records); err != nil {
			return err
		}
		return a.stock.DropReservations(ctx, lease, reservations)
	}, func([]stock.ArchivedHolding) error { return nil }); err != nil {
		return err
	}
	for {
		more, err := a.stock.DropHoldings(ctx, lease, step)
		if err != nil {
			return err
		}
		if !more {
			return a.stock.FinishArchive(ctx, lease)
		}
	}
}

func split(orders []orderLine) ([]order.Record, []stock.ArchivedReservation) {
	records := make([]order.Record, len(orders))
	reservations := make([]stock.ArchivedReservation, len(orders))
	for i, o := range orders {
		records[i], reservations[i] = o.Record, o.Reservation
	}
	return records, reservations
}

// leave lets the next run go on at once.
func (a *Archiver) leave(ctx context.Context, lease stock.ArchiveLease) error {
	return a.stock.LeaveArchive(context.WithoutCancel(ctx), lease)
}

// RunEvery archives from time to time until ctx ends.
func (a *Archiver) RunEvery(ctx context.Context, pause, age time.Duration) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		if _, err := a.Run(ctx, age); err != nil && ctx.Err() == nil {
			a.opts.Log.Error("archive", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

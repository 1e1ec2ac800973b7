package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"boxoffice/common/outage"
	"boxoffice/order"
	"boxoffice/stock"
)

// RunEvery calls Run at once and then at every interval, until ctx ends.
func (a *Archiver) RunEvery(ctx context.Context, interval, age time.Duration) {
	a.repeat(ctx, interval, func(ctx context.Context) error { _, err := a.Run(ctx, age); return err })
}

// RunRequested archives what operators have asked for, and goes on with what a process has left before it deleted
// anything, at once and then at every interval, until ctx ends.
func (a *Archiver) RunRequested(ctx context.Context, interval time.Duration) {
	a.repeat(ctx, interval, a.runRequested)
}

func (a *Archiver) runRequested(ctx context.Context) error {
	unfinished, err := a.stock.UnfinishedArchives(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, archive := range unfinished {
		if !archive.WrittenAt.IsZero() {
			continue // its file is with another process, or Run goes on with it
		}
		if err := os.MkdirAll(a.opts.Dir, 0o700); err != nil {
			return errors.Join(failed, fmt.Errorf("make the archive's directory: %w", err))
		}
		if err := a.resume(ctx, archive.ScreeningID); err != nil && !isOvertaken(err) {
			failed = errors.Join(failed, fmt.Errorf("archive screening %s: %w", archive.ScreeningID, err))
		}
	}
	return failed
}

// isOvertaken tells that another process was faster.
func isOvertaken(err error) bool {
	return errors.Is(err, stock.ErrArchiveTaken) || errors.Is(err, stock.ErrNotOver) || errors.Is(err, order.ErrFenced)
}

func (a *Archiver) repeat(ctx context.Context, interval time.Duration, run func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	loop := outage.NewLoop(a.opts.Log, "archive", stock.ErrUnavailable, order.ErrUnavailable)
	for {
		loop.Observe(ctx, run(ctx))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Run archives every screening whose sale and showing ended longer ago than age, and whose last order was settled before
// that as well; and first those whose archiving was begun by a process that has stopped. It returns how many it has
// archived. A screening that cannot be archived does not stop the others; the error then names each.
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
	countResult := func(screeningID string, err error) {
		switch {
		case err == nil:
			archived++
		case isOvertaken(err):
		default:
			failed = errors.Join(failed, fmt.Errorf("archive screening %s: %w", screeningID, err))
		}
	}
	for _, archive := range unfinished {
		countResult(archive.ScreeningID, a.resume(ctx, archive.ScreeningID))
	}
	before := a.opts.Now().Add(-age)
	for after := ""; ctx.Err() == nil; {
		ids, err := a.stock.Archivable(ctx, before, after, screeningsPerQuery)
		if err != nil || len(ids) == 0 {
			return archived, errors.Join(failed, err)
		}
		for _, id := range ids {
			countResult(id, a.begin(ctx, id, before))
		}
		after = ids[len(ids)-1]
	}
	return archived, errors.Join(failed, ctx.Err())
}

// begin closes a screening and archives it.
func (a *Archiver) begin(ctx context.Context, screeningID string, before time.Time) error {
	lease, err := a.stock.BeginArchive(ctx, screeningID, a.worker, before)
	if err != nil {
		return err
	}
	return a.writeAndDrop(ctx, lease)
}

// resume finishes the archiving of a screening that a process has begun and not finished. As long as the file is not
// recorded as written nothing is deleted, and it begins anew.
func (a *Archiver) resume(ctx context.Context, screeningID string) error {
	lease, archive, err := a.stock.TakeArchive(ctx, screeningID, a.worker)
	if err != nil {
		return err
	}
	if archive.WrittenAt.IsZero() {
		return a.writeAndDrop(ctx, lease)
	}
	if err := a.verifyAndDrop(ctx, lease, archive); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("its orders are being deleted, and their file is not here: go on where it is: %w", err)
		}
		return errors.Join(err, a.releaseLease(ctx, lease))
	}
	return nil
}

// writeAndDrop writes the file of a closed screening, records it as written, and deletes the rows that are in it.
func (a *Archiver) writeAndDrop(ctx context.Context, lease stock.ArchiveLease) error {
	archive, err := a.write(ctx, lease)
	if err != nil {
		// Nothing is deleted yet, so the screening is opened again, also when ctx has ended.
		return errors.Join(err, a.stock.AbandonArchive(context.WithoutCancel(ctx), lease))
	}
	if err := a.stock.WrittenArchive(ctx, lease, archive.File, archive.Digest, archive.Sums); err != nil {
		if errors.Is(err, stock.ErrArchiveTaken) { // after any other error the file may be recorded nevertheless
			err = errors.Join(err, os.Remove(archive.File))
		}
		return errors.Join(err, a.releaseLease(ctx, lease))
	}
	if err := a.drop(ctx, lease, archive); err != nil {
		return errors.Join(err, a.releaseLease(ctx, lease))
	}
	return nil
}

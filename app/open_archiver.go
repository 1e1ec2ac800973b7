package app

import (
	"context"
	"fmt"
	"time"

	"boxoffice/app/settings"
	"boxoffice/archive"
	"boxoffice/common/db"
)

const (
	archivePause   = time.Hour
	archiveSkewMax = time.Minute
)

// openArchiver starts to archive once an hour, if an age is configured.
func (o *office) openArchiver(ctx context.Context) error {
	if o.config.HasRole(settings.RoleStock) && o.config.ArchiveAfter > 0 {
		archiver := o.newArchiver()
		o.goUntilClose(ctx, func(ctx context.Context) { archiver.RunEvery(ctx, archivePause, o.config.ArchiveAfter) })
	}
	return nil
}

func (o *office) newArchiver() *archive.Archiver {
	return archive.New(o.stock, o.orders, archive.Options{
		Dir: o.config.ArchiveDir, Now: o.now, Log: o.log.With("part", "archive"),
		Ready: func(ctx context.Context) error { return checkClock(ctx, o.stockDB) },
	})
}

// checkClock fails if this machine's clock differs from the database server's: one that is ahead would archive screenings
// whose sale is open.
func checkClock(ctx context.Context, d *db.DB) error {
	skew, err := d.ClockSkew(ctx, time.Now)
	if err != nil {
		return err
	}
	if skew.Abs() > archiveSkewMax {
		return fmt.Errorf("set this machine's clock, which is %v ahead of the database server's: by a wrong clock nothing is archived",
			skew.Round(time.Second))
	}
	return nil
}

package app

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"boxoffice/app/settings"
	"boxoffice/archive"
	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/sentence"
	"boxoffice/stock"
)

const (
	archiveAgeDefault = 30 * 24 * time.Hour
	archivePause      = time.Hour
	requestsPause     = 5 * time.Second // between two looks for what operators have asked for
	archiveSkewMax    = time.Minute
)

// openArchiver lets operators ask for an archive. In a process of the role stock it starts to archive what they ask for,
// and once an hour what is old enough, if an age is configured.
func (o *office) openArchiver(ctx context.Context) error {
	o.archive = o.requestArchive
	if !o.config.HasRole(settings.RoleStock) {
		return nil
	}
	archiver := o.newArchiver(o.clock.Machine)
	o.goUntilClose(ctx, func(ctx context.Context) { archiver.RunRequested(ctx, requestsPause) })
	if o.config.ArchiveAfter > 0 {
		o.goUntilClose(ctx, func(ctx context.Context) { archiver.RunEvery(ctx, archivePause, o.config.ArchiveAfter) })
	}
	return nil
}

// requestArchive has one screening archived for an operator, under the conditions of boxoffice archive.
func (o *office) requestArchive(ctx context.Context, screeningID string, by audit.Act) error {
	age := o.archiveAge()
	if o.config.KeepsMessagesLonger(age) {
		return stock.NotArchivableError{Why: sentence.New("log_age_too_long", "set BOXOFFICE_LOG_AGE to BOXOFFICE_ARCHIVE_AFTER or less, "+
			"and not to 0: a message that is read again must not name an archived order.")}
	}
	if err := checkClock(ctx, o.stockDB, o.clock.Machine); err != nil {
		return err
	}
	return o.stock.RequestArchive(ctx, screeningID, o.now().Add(-age), by)
}

// archiveAge is how long ago a screening must have ended.
func (o *office) archiveAge() time.Duration { return cmp.Or(o.config.ArchiveAfter, archiveAgeDefault) }

// newArchiver makes an archiver that works only while machine, the clock of this machine, is that of the stock database.
func (o *office) newArchiver(machine func() time.Time) *archive.Archiver {
	return archive.New(o.stock, o.orders, archive.Options{
		Dir: o.config.ArchiveDir, Now: o.now, Log: o.log.With("part", "archive"),
		Ready: func(ctx context.Context) error { return checkClock(ctx, o.stockDB, machine) },
	})
}

// checkClock fails if the clock of the archiver differs from the stock database's: one that is ahead would archive screenings
// whose sale is open.
func checkClock(ctx context.Context, d *db.DB, now func() time.Time) error {
	skew, err := d.ClockSkew(ctx, now)
	if err != nil {
		return err
	}
	if skew.Abs() > archiveSkewMax {
		return fmt.Errorf("set this machine's clock, which is %v ahead of the database server's: by a wrong clock nothing is archived",
			skew.Round(time.Second))
	}
	return nil
}

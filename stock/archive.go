package stock

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db"
)

// archiveLease is how long a screening that is on its way into or out of the archive rests when its worker has died.
// It is much more than clocks may differ by, where anything is archived.
const archiveLease = 5 * time.Minute

// What an archive is refused for.
var (
	ErrArchived     = errors.New("screening is archived")
	ErrNotArchived  = errors.New("screening is not archived")
	ErrNotOver      = errors.New("the screening is not over, or tickets of it are still reserved")
	ErrArchiveTaken = errors.New("another process is at work on this archive")
)

// Archive is an archived screening: the sums of its orders, and where its orders are. Times that have not come are zero.
type Archive struct {
	ScreeningID string
	File        string // as its worker names it; empty until it is complete
	Digest      string // SHA-256 of its lines in hexadecimal; empty for those of an earlier version
	Sums        ArchiveSums
	WrittenAt   time.Time // the file is complete; from then on rows are deleted
	DoneAt      time.Time // no row is left
	RestoredAt  time.Time // all rows are back
}

// ArchiveSums is what a screening's orders come to.
type ArchiveSums struct {
	Orders      int64 `json:"orders"`
	PaidOrders  int64 `json:"paid_orders"`
	TicketsSold int64 `json:"tickets_sold"`
	AmountPaid  int64 `json:"amount_paid"` // minor units
}

// Archivable returns up to limit ids of screenings, in their order, after the one of afterID: sale and showing ended
// before the given time, no ticket is reserved, and no reservation was made or settled since. One that was restored since
// rests until it is as old again.
func (s *Stock) Archivable(ctx context.Context, before time.Time, afterID string, limit int) ([]string, error) {
	var ids []string
	for {
		var over []string
		err := s.db.Reader().SelectContext(ctx, &over, `SELECT s.id FROM screenings s JOIN stock k ON k.screening_id = s.id
			LEFT JOIN archives a ON a.screening_id = s.id
			WHERE s.id > ? AND s.sale_closes_at < ? AND s.starts_at < ? AND k.reserved = 0 AND k.archived_at IS NULL
			AND (a.restored_at IS NULL OR a.restored_at < ?)
			ORDER BY s.id LIMIT ?`, afterID, before.UnixMilli(), before.UnixMilli(), before.UnixMilli(), limit)
		if err != nil {
			return nil, s.failed("look for screenings to archive", err)
		}
		for _, id := range over {
			_, quiet, err := s.quietSince(ctx, id, before)
			if err != nil {
				return nil, err
			}
			if quiet {
				ids = append(ids, id)
			}
			if afterID = id; len(ids) == limit {
				return ids, nil
			}
		}
		if len(over) < limit {
			return ids, nil
		}
	}
}

// saleProgress is how far the sale of a screening has come. While nothing is reserved it changes with each reservation that
// is made or settled: sales only grow, and without a new one tickets can only be returned. Those of a screening that is over
// are not taken again for late money.
type saleProgress struct {
	OrdersMade int64 `db:"sales"`
	Sold       int64 `db:"sold"`
}

// quietSelect reads how far the sale of a screening has come, if no reservation of it is recent. When the sale went on
// lately the index on created_at says so at once; otherwise each reservation of the screening is read, 3 million in a
// second. It asks for one screening at a time: joined to all of them, MySQL may read every reservation that there is.
const quietSelect = `SELECT sales, sold FROM stock WHERE screening_id = ? AND reserved = 0 AND archived_at IS NULL
	AND (cancelled_at IS NULL OR sold = 0)
	AND NOT EXISTS (SELECT 1 FROM reservations WHERE screening_id = ? AND created_at >= ?)
	AND NOT EXISTS (SELECT 1 FROM reservations WHERE screening_id = ? AND settled_at >= ?)`

// quietSince tells whether no reservation of a screening was made or settled since a time, and none is open; of one that is
// cancelled also none is sold, since its orders are to be ended first. A screening's
// end does not tell: an administrator can move it to before orders whose messages are still on their way.
func (s *Stock) quietSince(ctx context.Context, screeningID string, since time.Time) (now saleProgress, quiet bool, err error) {
	err = s.db.Reader().GetContext(ctx, &now, quietSelect,
		screeningID, screeningID, since.UnixMilli(), screeningID, since.UnixMilli())
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return now, false, nil
	case err != nil:
		return now, false, s.failed("look for late reservations", err)
	}
	return now, true, nil
}

// UnfinishedArchives returns the archives that are half written or half restored, and on which no process is at work now.
func (s *Stock) UnfinishedArchives(ctx context.Context) ([]Archive, error) {
	return s.archives(ctx, `done_at IS NULL AND restored_at IS NULL AND lease_until <= ?`, s.now().UnixMilli())
}

// Archive returns the archive of a screening, or ErrNotArchived.
func (s *Stock) Archive(ctx context.Context, screeningID string) (Archive, error) {
	archives, err := s.archives(ctx, `screening_id = ?`, screeningID)
	if err == nil && len(archives) == 0 {
		err = ErrNotArchived
	}
	if err != nil {
		return Archive{}, err
	}
	return archives[0], nil
}

func (s *Stock) archives(ctx context.Context, condition string, arg any) ([]Archive, error) {
	var rows []struct {
		ScreeningID string        `db:"screening_id"`
		File        string        `db:"file"`
		Digest      string        `db:"digest"`
		Orders      int64         `db:"orders"`
		PaidOrders  int64         `db:"paid_orders"`
		TicketsSold int64         `db:"tickets_sold"`
		AmountPaid  int64         `db:"amount_paid"`
		WrittenAt   sql.NullInt64 `db:"written_at"`
		DoneAt      sql.NullInt64 `db:"done_at"`
		RestoredAt  sql.NullInt64 `db:"restored_at"`
	}
	if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT screening_id, file, digest, orders, paid_orders, tickets_sold,
		amount_paid, written_at, done_at, restored_at FROM archives WHERE `+condition+` ORDER BY screening_id`, arg); err != nil {
		return nil, s.failed("read archives", err)
	}
	archives := make([]Archive, len(rows))
	for i, r := range rows {
		archives[i] = Archive{
			r.ScreeningID, r.File, r.Digest, ArchiveSums{r.Orders, r.PaidOrders, r.TicketsSold, r.AmountPaid},
			timeOf(r.WrittenAt), timeOf(r.DoneAt), timeOf(r.RestoredAt),
		}
	}
	return archives, nil
}

func timeOf(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.Int64).UTC()
}

// ArchiveLease is a worker's right to a screening that is on its way into or out of the archive. It ends when the worker is
// silent for archiveLease; whoever takes it over has a larger epoch, by which the order database knows the two apart.
type ArchiveLease struct {
	ScreeningID string
	Epoch       int64
	worker      string
}

// BeginArchive closes a screening for good: from then on nothing of it is sold or changed. It fails with ErrNotOver unless
// Archivable would still name the screening, because the sale may have been opened again since, or with ErrArchiveTaken
// when another process was faster. The worker is whoever asks, by a name that no other has.
func (s *Stock) BeginArchive(ctx context.Context, screeningID, worker string, before time.Time) (ArchiveLease, error) {
	return s.beginArchive(ctx, screeningID, worker, before, archiveLease, audit.Act{})
}

func (s *Stock) beginArchive(
	ctx context.Context, screeningID, worker string, before time.Time, leased time.Duration, by audit.Act,
) (ArchiveLease, error) {
	lease := ArchiveLease{ScreeningID: screeningID, worker: worker}
	seen, quiet, err := s.quietSince(ctx, screeningID, before)
	switch {
	case err != nil:
		return lease, err
	case !quiet:
		return lease, ErrNotOver
	}
	now := s.now()
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		// One that was restored long ago leaves its row. Any other row makes the insert fail.
		if _, err := tx.ExecContext(ctx, `DELETE FROM archives WHERE screening_id = ? AND restored_at < ?`,
			screeningID, before.UnixMilli()); err != nil {
			return err
		}
		if err := tx.Insert(ctx, `archives (screening_id, file, began_at, worker, lease_until)`,
			[]any{screeningID, "", now.UnixMilli(), worker, now.Add(leased).UnixMilli()}); err != nil {
			return err
		}
		if err := closeForGood(ctx, tx, screeningID, seen, before, now); err != nil {
			return err
		}
		if err := audit.Record(ctx, tx, by, audit.Entry{
			What: "screening_archive", Subject: screeningID, Before: map[string]any{"archived": false}, After: map[string]any{"archived": true},
		}, now); err != nil {
			return err
		}
		return lease.nextEpoch(ctx, tx)
	})
	s.changed(screeningID)
	switch {
	case errors.Is(err, db.ErrConflict):
		return lease, ErrNotOver
	case s.db.IsDuplicate(err):
		return lease, ErrArchiveTaken
	case err != nil:
		return lease, s.failed("begin an archive", err)
	}
	return lease, nil
}

// closeForGood closes a screening whose sale stands where it was seen, and fails with db.ErrConflict otherwise. Its window
// is read in a statement of its own, once the stock row is locked: who changes the window locks that row first.
func closeForGood(ctx context.Context, tx *db.Tx, screeningID string, seen saleProgress, before, now time.Time) error {
	// Whatever was planned for it fails on limit_changes. No order is left in this table, so the count is 0.
	if err := tx.ExecGuarded(ctx, 1, `UPDATE stock SET archived_at = ?, limit_changes = limit_changes + 1, sales = 0
		WHERE screening_id = ? AND reserved = 0 AND archived_at IS NULL AND sales = ? AND sold = ?
		AND (cancelled_at IS NULL OR sold = 0)`,
		now.UnixMilli(), screeningID, seen.OrdersMade, seen.Sold); err != nil {
		return err
	}
	var over int
	if err := tx.GetContext(ctx, &over, `SELECT COUNT(*) FROM screenings WHERE id = ? AND sale_closes_at < ? AND starts_at < ?`,
		screeningID, before.UnixMilli(), before.UnixMilli()); err != nil {
		return err
	}
	if over == 0 {
		return db.ErrConflict
	}
	return nil
}

func (l *ArchiveLease) nextEpoch(ctx context.Context, tx *db.Tx) error {
	if err := tx.ExecGuarded(ctx, 1, `UPDATE stock SET archive_epoch = archive_epoch + 1 WHERE screening_id = ?`,
		l.ScreeningID); err != nil {
		return err
	}
	return tx.GetContext(ctx, &l.Epoch, `SELECT archive_epoch FROM stock WHERE screening_id = ?`, l.ScreeningID)
}

// TakeArchive goes on with an archive whose worker has stopped, or begins to restore one. It returns the archive as it
// stands from then on.
func (s *Stock) TakeArchive(ctx context.Context, screeningID, worker string) (ArchiveLease, Archive, error) {
	now := s.now()
	lease := ArchiveLease{ScreeningID: screeningID, worker: worker}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := tx.ExecGuarded(ctx, 1, `UPDATE archives SET worker = ?, lease_until = ?, done_at = NULL
			WHERE screening_id = ? AND restored_at IS NULL AND (worker = ? OR lease_until <= ?)`,
			worker, now.Add(archiveLease).UnixMilli(), screeningID, worker, now.UnixMilli()); err != nil {
			return err
		}
		return lease.nextEpoch(ctx, tx)
	})
	if err != nil {
		return lease, Archive{}, s.archiveFailed("take an archive", err)
	}
	archive, err := s.Archive(ctx, screeningID)
	if err != nil {
		return lease, archive, errors.Join(err, s.ReleaseArchive(ctx, lease))
	}
	return lease, archive, nil
}

func (s *Stock) archiveFailed(doing string, err error) error {
	switch {
	case errors.Is(err, db.ErrConflict):
		return ErrArchiveTaken
	case err != nil:
		return s.failed(doing, err)
	}
	return nil
}

// AbandonArchive opens a screening again of which nothing has been deleted.
func (s *Stock) AbandonArchive(ctx context.Context, l ArchiveLease) error {
	defer s.changed(l.ScreeningID)
	return s.archiveFailed("abandon an archive", s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := tx.ExecGuarded(ctx, 1, `DELETE FROM archives
			WHERE screening_id = ? AND worker = ? AND written_at IS NULL`, l.ScreeningID, l.worker); err != nil {
			return err
		}
		return reopenArchived(ctx, tx, l.ScreeningID)
	}))
}

// reopenArchived counts the sales again: the sale is over, so nobody adds to them.
func reopenArchived(ctx context.Context, tx *db.Tx, screeningID string) error {
	var sales int64
	if err := tx.GetContext(ctx, &sales, `SELECT COUNT(*) FROM reservations WHERE screening_id = ?`, screeningID); err != nil {
		return err
	}
	return tx.ExecGuarded(ctx, 1, `UPDATE stock SET archived_at = NULL, sales = ? WHERE screening_id = ?`, sales, screeningID)
}

// WrittenArchive notes that a file is complete and its request ids are in the filter, and the sums of its orders. From then
// on this file is the archive's, and no other is written.
func (s *Stock) WrittenArchive(ctx context.Context, l ArchiveLease, file, digest string, sums ArchiveSums) error {
	now := s.now()
	return s.archiveFailed("note an archive's sums", s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecGuarded(ctx, 1, `UPDATE archives SET file = ?, digest = ?, written_at = ?, orders = ?,
			paid_orders = ?, tickets_sold = ?, amount_paid = ?, lease_until = ?
			WHERE screening_id = ? AND worker = ? AND written_at IS NULL`,
			file, digest, now.UnixMilli(), sums.Orders, sums.PaidOrders, sums.TicketsSold, sums.AmountPaid,
			now.Add(archiveLease).UnixMilli(), l.ScreeningID, l.worker)
	}))
}

// renew fences off a worker that was taken for dead.
func (l ArchiveLease) renew(ctx context.Context, tx *db.Tx, now time.Time) error {
	return tx.ExecGuarded(ctx, 1, `UPDATE archives SET lease_until = ? WHERE screening_id = ? AND worker = ?`,
		now.Add(archiveLease).UnixMilli(), l.ScreeningID, l.worker)
}

// renewWritten is renew for those who delete, or put back what was deleted: nothing is before the file is complete.
func (l ArchiveLease) renewWritten(ctx context.Context, tx *db.Tx, now time.Time) error {
	return tx.ExecGuarded(ctx, 1, `UPDATE archives SET lease_until = ?
		WHERE screening_id = ? AND worker = ? AND written_at IS NOT NULL`, now.Add(archiveLease).UnixMilli(), l.ScreeningID, l.worker)
}

// RenewArchive says that the worker is alive.
func (s *Stock) RenewArchive(ctx context.Context, l ArchiveLease) error {
	now := s.now()
	return s.archiveFailed("keep an archive", s.db.InTx(ctx, func(tx *db.Tx) error { return l.renew(ctx, tx, now) }))
}

// ReleaseArchive lets another worker go on at once.
func (s *Stock) ReleaseArchive(ctx context.Context, l ArchiveLease) error {
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE archives SET lease_until = 0 WHERE screening_id = ? AND worker = ?`, l.ScreeningID, l.worker)
		return err
	})
	return s.archiveFailed("leave an archive", err)
}

// FinishArchive notes that no row is left.
func (s *Stock) FinishArchive(ctx context.Context, l ArchiveLease) error {
	now := s.now()
	return s.archiveFailed("finish an archive", s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecGuarded(ctx, 1, `UPDATE archives SET done_at = ?, lease_until = 0
			WHERE screening_id = ? AND worker = ?`, now.UnixMilli(), l.ScreeningID, l.worker)
	}))
}

// FinishRestore notes that all rows are back. The sale stays closed, until its window is changed.
func (s *Stock) FinishRestore(ctx context.Context, l ArchiveLease) error {
	now := s.now()
	defer s.changed(l.ScreeningID)
	return s.archiveFailed("finish a restore", s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := tx.ExecGuarded(ctx, 1, `UPDATE archives SET restored_at = ?, lease_until = 0
			WHERE screening_id = ? AND worker = ?`, now.UnixMilli(), l.ScreeningID, l.worker); err != nil {
			return err
		}
		return reopenArchived(ctx, tx, l.ScreeningID)
	}))
}

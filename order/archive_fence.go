package order

import (
	"context"
	"errors"
	"fmt"

	"boxoffice/common/db"
)

// ErrFenced says that another process with a later epoch has taken over the archive of a screening, and that this one
// may not change it any more.
var ErrFenced = errors.New("another process has taken over this archive")

// FenceArchive makes epoch the fencing token of a screening's archive: from then on DropRecords and RestoreRecords fail
// with ErrFenced for whoever comes with an earlier epoch, which is a process that was taken for dead and was only slow.
func (o *Orders) FenceArchive(ctx context.Context, screeningID string, epoch int64) error {
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		err := checkEpoch(ctx, tx, screeningID, epoch)
		if errors.Is(err, ErrFenced) { // or the screening has no row yet; the insert tells the two apart
			err = tx.Insert(ctx, `archive_epochs (screening_id, epoch)`, []any{screeningID, epoch})
		}
		return err
	})
	if o.db.IsDuplicate(err) {
		err = ErrFenced
	}
	if err != nil {
		return o.unavailable(fmt.Errorf("fence archive: %w", err))
	}
	return nil
}

// EndRestore lets the office act on the orders of a screening again, once they are restored. A worker with an earlier
// epoch stays fenced off.
func (o *Orders) EndRestore(ctx context.Context, screeningID string, epoch int64) error {
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE archive_epochs SET restored = 1 WHERE screening_id = ? AND epoch = ?`, screeningID, epoch)
		return err
	})
	if err != nil {
		return o.unavailable(fmt.Errorf("end restore: %w", err))
	}
	return nil
}

// failIfScreeningArchived fails with ErrArchived while the orders of a screening are on their way into the archive: what the office
// did now would not be in the file.
func failIfScreeningArchived(ctx context.Context, tx *db.Tx, screeningID string) error {
	var epochs []int64
	if err := tx.SelectContext(ctx, &epochs, `SELECT epoch FROM archive_epochs WHERE screening_id = ? AND restored = 0`, screeningID); err != nil {
		return fmt.Errorf("look for an archive: %w", err)
	}
	if len(epochs) > 0 {
		return ErrArchived
	}
	return nil
}

// checkEpoch fails with ErrFenced unless epoch is the latest. It locks the row, so that a later process waits for the
// end of this transaction.
func checkEpoch(ctx context.Context, tx *db.Tx, screeningID string, epoch int64) error {
	err := tx.ExecGuarded(ctx, 1, `UPDATE archive_epochs SET epoch = ?, restored = 0 WHERE screening_id = ? AND epoch <= ?`,
		epoch, screeningID, epoch)
	if errors.Is(err, db.ErrConflict) {
		err = ErrFenced
	}
	return err
}

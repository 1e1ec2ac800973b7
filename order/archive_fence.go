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

// checkEpoch fails with ErrFenced unless epoch is the latest. It locks the row, so that a later process waits for the
// end of this transaction.
func checkEpoch(ctx context.Context, tx *db.Tx, screeningID string, epoch int64) error {
	err := tx.ExecGuarded(ctx, 1, `UPDATE archive_epochs SET epoch = ? WHERE screening_id = ? AND epoch <= ?`,
		epoch, screeningID, epoch)
	if errors.Is(err, db.ErrConflict) {
		err = ErrFenced
	}
	return err
}

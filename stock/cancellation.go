package stock

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/keyset"
)

const (
	cancellationLease    = 30 * time.Second // what a worker that dies has claimed rests no longer
	cancellationPause    = time.Second      // before the second pass; doubles with each
	cancellationPauseMax = time.Minute
	cancellationsTried   = 16 // in one look for work
)

// ActCancelScreening is the operator's act that CancelScreening records.
const ActCancelScreening = "screening_cancel"

// Cancellation is how far the orders of a cancelled screening have been ended. DoneAt is zero until all have.
type Cancellation struct {
	BeganAt time.Time
	DoneAt  time.Time
}

// CancelScreening ends the sale of a screening for good, and has all its orders ended by whoever calls
// ClaimCancellation. It succeeds also when the screening was cancelled before, and fails with ErrArchived or
// ErrScreeningNotFound. Once it has returned nothing of the screening is sold any more, by any process: what was planned
// before fails on limit_changes, so that the reservations that there are then are all.
func (s *Stock) CancelScreening(ctx context.Context, id string, by audit.Act) (Screening, error) {
	if _, err := s.Screening(ctx, id); err != nil {
		return Screening{}, err
	}
	now := s.now()
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		before, err := lockScreening(ctx, tx, id)
		if err != nil || before.Cancelled {
			return err
		}
		if err := tx.ExecGuarded(ctx, 1, `UPDATE stock SET cancelled_at = ?, limit_changes = limit_changes + 1
			WHERE screening_id = ? AND cancelled_at IS NULL`, now.UnixMilli(), id); err != nil {
			return err
		}
		if err := tx.Insert(ctx, `cancellations (screening_id, began_at, next_at)`,
			[]any{id, now.UnixMilli(), now.UnixMilli()}); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by, audit.Entry{
			What: ActCancelScreening, Subject: id,
			Before: map[string]any{"cancelled": false, "reserved": before.Reserved, "sold": before.Sold},
			After:  map[string]any{"cancelled": true},
		}, now)
	})
	s.changed(id)
	switch {
	case errors.Is(err, ErrArchived):
		return Screening{}, err
	case err != nil:
		return Screening{}, s.failed("cancel screening", err)
	}
	return s.Screening(ctx, id)
}

// Cancellation returns how far the orders of a screening have been ended; nil when it is not cancelled.
func (s *Stock) Cancellation(ctx context.Context, screeningID string) (*Cancellation, error) {
	var row struct {
		BeganAt int64         `db:"began_at"`
		DoneAt  sql.NullInt64 `db:"done_at"`
	}
	err := s.db.Reader().GetContext(ctx, &row, `SELECT began_at, done_at FROM cancellations WHERE screening_id = ?`, screeningID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, s.failed("read cancellation", err)
	}
	return &Cancellation{BeganAt: time.UnixMilli(row.BeganAt).UTC(), DoneAt: timeOf(row.DoneAt)}, nil
}

// CancellationStep is the next orders to end of a cancelled screening, by where their tickets stand. Nobody else has them
// until the lease ends; should its worker be only slow, they are ended twice, which changes nothing.
type CancellationStep struct {
	ScreeningID string
	Held, Sold  []event.Order

	row   cancellationRow
	last  keyset.Position // of the orders
	whole bool            // the pass ends with these orders
}

type cancellationRow struct {
	ScreeningID string `db:"screening_id"`
	Passes      int    `db:"passes"`
	AfterAt     int64  `db:"after_at"`
	AfterOrder  string `db:"after_order"`
	NextAt      int64  `db:"next_at"`
}

// ClaimCancellation returns the next step of a cancellation, with at most limit orders; nil when there is nothing to do.
func (s *Stock) ClaimCancellation(ctx context.Context, limit int) (*CancellationStep, error) {
	now := s.now()
	var rows []cancellationRow
	if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT screening_id, passes, after_at, after_order, next_at
		FROM cancellations WHERE done_at IS NULL AND next_at <= ? ORDER BY next_at LIMIT ?`,
		now.UnixMilli(), cancellationsTried); err != nil {
		return nil, s.failed("look for cancellations", err)
	}
	for _, row := range rows {
		lease := now.Add(cancellationLease).UnixMilli()
		err := s.moveCancellation(ctx, row, keyset.Position{At: row.AfterAt, ID: row.AfterOrder}, row.Passes, lease)
		if errors.Is(err, db.ErrConflict) {
			continue // another worker has it
		}
		if err != nil {
			return nil, s.failed("claim a cancellation", err)
		}
		row.NextAt = lease
		return s.cancellationStep(ctx, row, limit)
	}
	return nil, nil
}

// moveCancellation changes a cancellation that is as it was read, or fails with db.ErrConflict.
func (s *Stock) moveCancellation(ctx context.Context, row cancellationRow, to keyset.Position, passes int, nextAt int64) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecGuarded(ctx, 1, `UPDATE cancellations SET passes = ?, after_at = ?, after_order = ?, next_at = ?
			WHERE screening_id = ? AND next_at = ? AND done_at IS NULL`,
			passes, to.At, to.ID, nextAt, row.ScreeningID, row.NextAt)
	})
}

func (s *Stock) cancellationStep(ctx context.Context, row cancellationRow, limit int) (*CancellationStep, error) {
	reservations, err := s.selectReservations(ctx, `SELECT `+reservationColumns+` FROM reservations
		WHERE screening_id = ? AND state <> ? AND created_at >= ? AND (created_at > ? OR order_id > ?)
		ORDER BY created_at, order_id LIMIT ?`, row.ScreeningID, Released, row.AfterAt, row.AfterAt, row.AfterOrder, limit)
	if err != nil {
		return nil, err
	}
	step := &CancellationStep{ScreeningID: row.ScreeningID, row: row, whole: len(reservations) < limit}
	for _, r := range reservations {
		if r.State == Held {
			step.Held = append(step.Held, r.Order)
		} else {
			step.Sold = append(step.Sold, r.Order)
		}
		step.last = PositionOf(r)
	}
	return step, nil
}

// EndCancellationStep notes that the orders of a step are ended. At the end of a pass the cancellation is done if none of
// the screening's tickets is held or sold any more; otherwise messages that return them are on their way, or lost, and
// another pass sends them again, after a pause that grows. A step that was taken over changes nothing.
func (s *Stock) EndCancellationStep(ctx context.Context, step *CancellationStep) error {
	var err error
	if step.whole {
		err = s.endPass(ctx, step.row)
	} else {
		err = s.moveCancellation(ctx, step.row, step.last, step.row.Passes, s.now().UnixMilli())
	}
	if err != nil && !errors.Is(err, db.ErrConflict) {
		return s.failed("end a step of a cancellation", err)
	}
	return nil
}

func (s *Stock) endPass(ctx context.Context, row cancellationRow) error {
	now := s.now()
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecGuarded(ctx, 1, `UPDATE cancellations SET done_at = ? WHERE screening_id = ? AND next_at = ?
			AND done_at IS NULL AND EXISTS (SELECT 1 FROM stock WHERE screening_id = ? AND reserved = 0 AND sold = 0)`,
			now.UnixMilli(), row.ScreeningID, row.NextAt, row.ScreeningID)
	})
	if !errors.Is(err, db.ErrConflict) {
		return err
	}
	pause := min(cancellationPause<<min(row.Passes, 10), cancellationPauseMax)
	return s.moveCancellation(ctx, row, keyset.Position{}, row.Passes+1, now.Add(pause).UnixMilli())
}

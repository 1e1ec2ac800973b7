package stock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// AddScreening puts a screening on sale with all its capacity available. It makes the id when there is none; a given
// id that exists already is left alone and returned as it stands. ErrInvalid names the field that is out of range.
func (s *Stock) AddScreening(ctx context.Context, screening Screening) (Screening, error) {
	if screening.ID == "" {
		screening.ID = NewID(s.now())
	}
	if err := screening.validate(); err != nil {
		return Screening{}, err
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error { return s.insertScreening(ctx, tx, screening) })
	if err != nil && !s.db.IsDuplicate(err) {
		return Screening{}, s.failed("add screening", err)
	}
	return s.Screening(ctx, screening.ID)
}

func (s *Stock) insertScreening(ctx context.Context, tx *db.Tx, n Screening) error {
	if err := tx.Insert(ctx, `screenings (id, movie, venue, starts_at, price, currency, sale_opens_at, sale_closes_at,
		per_user_limit, created_at, late_payment)`, []any{
		n.ID, n.Movie, n.Venue, n.StartsAt.UnixMilli(), n.Price.Amount, n.Price.Currency, n.SaleOpensAt.UnixMilli(),
		n.SaleClosesAt.UnixMilli(), n.PerUserLimit, s.now().UnixMilli(), string(n.LatePayment),
	}); err != nil {
		return err
	}
	return tx.Insert(ctx, `stock (screening_id, capacity, available, reserved, sold)`, []any{n.ID, n.Capacity, n.Capacity, 0, 0})
}

// ChangeScreening changes what change gives. It returns ErrCapacityTooSmall when more tickets are reserved and sold than
// there would be, ErrInvalid, ErrArchived or ErrScreeningNotFound, and then has changed nothing. Who holds more than a new
// limit keeps that, and gets no more.
func (s *Stock) ChangeScreening(ctx context.Context, id string, change ScreeningChange) (Screening, error) {
	if c := change.Capacity; c != nil && !isCapacity(*c) {
		return Screening{}, fmt.Errorf("%w: capacity", ErrInvalid)
	}
	if l := change.PerUserLimit; l != nil && !isLimit(*l) {
		return Screening{}, fmt.Errorf("%w: per-user limit", ErrInvalid)
	}
	if p := change.LatePayment; p != nil && !isLatePayment(*p) {
		return Screening{}, fmt.Errorf("%w: late payment", ErrInvalid)
	}
	// A screening is never deleted, so one that is there now stays.
	if _, err := s.Screening(ctx, id); err != nil {
		return Screening{}, err
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := lockUnarchived(ctx, tx, id); err != nil {
			return err
		}
		if err := changeCapacity(ctx, tx, id, change.Capacity); err != nil {
			return err
		}
		if err := changeLimit(ctx, tx, id, change.PerUserLimit); err != nil {
			return err
		}
		if err := changeLatePayment(ctx, tx, id, change.LatePayment); err != nil {
			return err
		}
		return changeWindow(ctx, tx, id, change.SaleOpensAt, change.SaleClosesAt)
	})
	s.changed(id)
	switch {
	case errors.Is(err, ErrInvalid), errors.Is(err, ErrCapacityTooSmall), errors.Is(err, ErrArchived):
		return Screening{}, err
	case err != nil:
		return Screening{}, s.failed("change screening", err)
	}
	return s.Screening(ctx, id)
}

// lockUnarchived takes the stock row's lock, which the archive takes too.
func lockUnarchived(ctx context.Context, tx *db.Tx, id string) error {
	err := tx.ExecGuarded(ctx, 1, `UPDATE stock SET limit_changes = limit_changes
		WHERE screening_id = ? AND archived_at IS NULL`, id)
	if errors.Is(err, db.ErrConflict) {
		return ErrArchived
	}
	return err
}

func changeWindow(ctx context.Context, tx *db.Tx, id string, opens, closes *time.Time) error {
	if opens == nil && closes == nil {
		return nil
	}
	opensAt, closesAt := unixMilli(opens), unixMilli(closes)
	err := tx.ExecGuarded(ctx, 1, `UPDATE screenings SET sale_opens_at = COALESCE(?, sale_opens_at),
		sale_closes_at = COALESCE(?, sale_closes_at)
		WHERE id = ? AND COALESCE(?, sale_opens_at) < COALESCE(?, sale_closes_at)`,
		opensAt, closesAt, id, opensAt, closesAt)
	if errors.Is(err, db.ErrConflict) {
		return fmt.Errorf("%w: sale window", ErrInvalid)
	}
	return err
}

// changeLatePayment changes what orders are sold under from then on. Switched off, it also ends what was promised before,
// since Publisher.Revive asks the screening too.
func changeLatePayment(ctx context.Context, tx *db.Tx, id string, policy *event.LatePayment) error {
	if policy == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE screenings SET late_payment = ? WHERE id = ?`, string(*policy), id)
	return err
}

func changeCapacity(ctx context.Context, tx *db.Tx, id string, capacity *int64) error {
	if capacity == nil {
		return nil
	}
	err := tx.ExecGuarded(ctx, 1, `UPDATE stock SET capacity = ?, available = ? - reserved - sold
		WHERE screening_id = ? AND reserved + sold <= ?`, *capacity, *capacity, id, *capacity)
	if errors.Is(err, db.ErrConflict) {
		return ErrCapacityTooSmall
	}
	return err
}

// changeLimit begins with the stock row, which every transaction that reserves or settles changes last: one that was
// planned under the old limit, in whatever process, either has committed or fails on limit_changes. So a limit that is
// switched on finds all that the buyers hold. What they held under an earlier one was not kept up.
func changeLimit(ctx context.Context, tx *db.Tx, id string, limit *int64) error {
	if limit == nil {
		return nil
	}
	if err := tx.ExecGuarded(ctx, 1, `UPDATE stock SET limit_changes = limit_changes + 1
		WHERE screening_id = ?`, id); err != nil {
		return err
	}
	var before int64
	if err := tx.GetContext(ctx, &before, `SELECT per_user_limit FROM screenings WHERE id = ?`, id); err != nil {
		return err
	}
	if before == *limit {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE screenings SET per_user_limit = ? WHERE id = ?`, *limit, id); err != nil {
		return err
	}
	if before > 0 || *limit == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM holdings WHERE screening_id = ?`, id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO holdings (screening_id, buyer_id, quantity)
		SELECT screening_id, buyer_id, SUM(quantity) FROM reservations
		WHERE screening_id = ? AND state <> ? GROUP BY screening_id, buyer_id`, id, Released)
	return err
}

func unixMilli(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UnixMilli()
}

package stock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/event"
)

// AddScreening puts a screening on sale with all its capacity available, for the program itself. It makes the id when
// there is none; a given id that exists already is left alone and returned as it stands. An InvalidFieldError names the field
// that is out of range.
func (s *Stock) AddScreening(ctx context.Context, screening Screening) (Screening, error) {
	return s.CreateScreening(ctx, screening, audit.Act{})
}

// CreateScreening is AddScreening for an operator, whose act is recorded.
func (s *Stock) CreateScreening(ctx context.Context, screening Screening, by audit.Act) (Screening, error) {
	if screening.ID == "" {
		screening.ID = NewID(s.now())
	}
	if err := screening.Validate(); err != nil {
		return Screening{}, err
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := s.insertScreening(ctx, tx, screening); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by, audit.Entry{
			What: "screening_create", Subject: screening.ID, After: screening.fields(),
		}, s.now())
	})
	if err != nil && !s.db.IsDuplicate(err) {
		return Screening{}, s.failed("add screening", err)
	}
	return s.Screening(ctx, screening.ID)
}

func (s *Stock) insertScreening(ctx context.Context, tx *db.Tx, n Screening) error {
	if err := tx.Insert(ctx, `screenings (id, movie, venue, starts_at, price, currency, sale_opens_at, sale_closes_at,
		per_user_limit, description, poster_url, map_url, created_at, late_payment)`, []any{
		n.ID, n.Movie, n.Venue, n.StartsAt.UnixMilli(), n.Price.Amount, n.Price.Currency, n.SaleOpensAt.UnixMilli(),
		n.SaleClosesAt.UnixMilli(), n.PerUserLimit, n.Description, n.PosterURL, n.MapURL, s.now().UnixMilli(), string(n.LatePayment),
	}); err != nil {
		return err
	}
	return tx.Insert(ctx, `stock (screening_id, capacity, available, reserved, sold)`, []any{n.ID, n.Capacity, n.Capacity, 0, 0})
}

// ChangeScreening changes what change gives, and records who did it. It returns ErrCapacityTooSmall when more tickets are
// reserved and sold than there would be, ErrPriceFixed when a ticket was ever reserved at the old price, ErrCancelled for
// what is sold of a screening that is cancelled, an InvalidFieldError, ErrArchived or ErrScreeningNotFound, and then has changed
// nothing. Who holds more than a new limit keeps that, and gets no more.
func (s *Stock) ChangeScreening(ctx context.Context, id string, change ScreeningChange) (Screening, error) {
	// A screening is never deleted, so one that is there now stays.
	current, err := s.Screening(ctx, id)
	if err == nil {
		err = change.without(current).Validate() // before the row is locked that every sale needs
	}
	if err != nil {
		return Screening{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		before, err := lockScreening(ctx, tx, id)
		if err != nil {
			return err
		}
		after, err := before.with(change.without(before))
		if err != nil {
			return err
		}
		if err := writeScreening(ctx, tx, before, after); err != nil {
			return err
		}
		return s.recordChange(ctx, tx, change.By, before, after)
	})
	s.changed(id)
	if refused := []error{ErrInvalid, ErrCapacityTooSmall, ErrPriceFixed, ErrCancelled, ErrArchived}; isOneOf(err, refused) {
		return Screening{}, err
	}
	if err != nil {
		return Screening{}, s.failed("change screening", err)
	}
	return s.Screening(ctx, id)
}

func isOneOf(err error, known []error) bool {
	for _, k := range known {
		if errors.Is(err, k) {
			return true
		}
	}
	return false
}

// lockScreening takes the stock row's lock, which every transaction that sells, settles or archives takes too, and reads
// the screening as it stays until the end of the transaction.
func lockScreening(ctx context.Context, tx *db.Tx, id string) (Screening, error) {
	err := tx.ExecGuarded(ctx, 1, `UPDATE stock SET limit_changes = limit_changes
		WHERE screening_id = ? AND archived_at IS NULL`, id)
	if errors.Is(err, db.ErrConflict) {
		return Screening{}, ErrArchived
	}
	if err != nil {
		return Screening{}, err
	}
	var row screeningRow
	if err := tx.GetContext(ctx, &row, screeningSelect+`WHERE s.id = ?`, id); err != nil {
		return Screening{}, err
	}
	return row.screening(), nil
}

// without returns the change without what it gives as it was. A form sends every field back: what was entered before a rule
// became stricter is left, and only what is new is judged.
func (c ScreeningChange) without(before Screening) ScreeningChange {
	dropSame(&c.Movie, before.Movie)
	dropSame(&c.Venue, before.Venue)
	dropSame(&c.Price, before.Price)
	dropSame(&c.Capacity, before.Capacity)
	dropSame(&c.PerUserLimit, before.PerUserLimit)
	dropSame(&c.LatePayment, before.LatePayment)
	dropSame(&c.Paused, before.Paused)
	dropSame(&c.Description, before.Description)
	dropSame(&c.PosterURL, before.PosterURL)
	dropSame(&c.MapURL, before.MapURL)
	dropSameTime(&c.StartsAt, before.StartsAt)
	dropSameTime(&c.SaleOpensAt, before.SaleOpensAt)
	dropSameTime(&c.SaleClosesAt, before.SaleClosesAt)
	return c
}

func dropSame[T comparable](given **T, current T) {
	if *given != nil && **given == current {
		*given = nil
	}
}

// dropSameTime is dropSame for a time, which may be given in another zone.
func dropSameTime(given **time.Time, current time.Time) {
	if *given != nil && (*given).Equal(current) {
		*given = nil
	}
}

// with returns the screening as a change leaves it, or why it may not be changed so.
func (s Screening) with(c ScreeningChange) (Screening, error) {
	if err := c.Validate(); err != nil {
		return s, err
	}
	before := s
	replace(&s.Movie, c.Movie)
	replace(&s.Venue, c.Venue)
	replace(&s.StartsAt, c.StartsAt)
	replace(&s.Price, c.Price)
	replace(&s.Capacity, c.Capacity)
	replace(&s.SaleOpensAt, c.SaleOpensAt)
	replace(&s.SaleClosesAt, c.SaleClosesAt)
	replace(&s.PerUserLimit, c.PerUserLimit)
	replace(&s.LatePayment, c.LatePayment)
	replace(&s.Paused, c.Paused)
	replace(&s.Description, c.Description)
	replace(&s.PosterURL, c.PosterURL)
	replace(&s.MapURL, c.MapURL)
	switch {
	case s.Price != before.Price && before.OrdersMade > 0:
		return s, ErrPriceFixed
	case s.Cancelled && s.offer() != before.offer():
		return s, ErrCancelled
	case s.Capacity < before.Reserved+before.Sold:
		return s, ErrCapacityTooSmall
	case (c.SaleOpensAt != nil || c.SaleClosesAt != nil) && !isWindow(s.SaleOpensAt, s.SaleClosesAt):
		return s, InvalidFieldError{Field: FieldSaleWindow}
	}
	s.Available = s.Capacity - s.Reserved - s.Sold
	return s, nil
}

func replace[T any](field *T, given *T) {
	if given != nil {
		*field = *given
	}
}

// offer is what of a screening is for sale, and whether it is, which a cancelled one keeps.
type offer struct {
	price           event.Money
	capacity, limit int64
	paused          bool
}

func (s Screening) offer() offer { return offer{s.Price, s.Capacity, s.PerUserLimit, s.Paused} }

// recordChange records what a change came to. One that changes nothing is no act.
func (s *Stock) recordChange(ctx context.Context, tx *db.Tx, by audit.Act, before, after Screening) error {
	entry := audit.Entry{What: "screening_change", Subject: before.ID}
	entry.Before, entry.After = changedFields(before.fields(), after.fields())
	if len(entry.After) == 0 {
		return nil
	}
	if _, changed := entry.After["paused"]; changed && len(entry.After) == 1 {
		entry.What = "screening_resume"
		if after.Paused {
			entry.What = "screening_pause"
		}
	}
	if err := audit.Record(ctx, tx, by, entry, s.now()); err != nil {
		return fmt.Errorf("change screening: %w", err)
	}
	return nil
}

package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db"
)

// ofOrderMax bounds the notifications of one order: four kinds by two channels, and one for each part that went back.
const ofOrderMax = 200

// OfOrder returns the notifications of an order, the oldest first.
func (s *Service) OfOrder(ctx context.Context, orderID string) ([]Notification, error) {
	return s.read(ctx, `WHERE order_id = ? ORDER BY created_at, id LIMIT ?`, orderID, ofOrderMax)
}

// OfBuyer returns up to limit notifications of a buyer, the latest first.
func (s *Service) OfBuyer(ctx context.Context, buyerID string, limit int) ([]Notification, error) {
	return s.read(ctx, `WHERE buyer_id = ? ORDER BY created_at DESC, id DESC LIMIT ?`, buyerID, limit)
}

// Find returns the notifications that a filter picks, in the order of their ids, and the id to go on after; empty at the end.
func (s *Service) Find(ctx context.Context, f Filter) (found []Notification, next string, err error) {
	if f.State == "" {
		found, err = s.read(ctx, `WHERE id > ? ORDER BY id LIMIT ?`, f.AfterID, f.Limit+1)
	} else {
		found, err = s.read(ctx, `WHERE state = ? AND id > ? ORDER BY id LIMIT ?`, string(f.State), f.AfterID, f.Limit+1)
	}
	if len(found) > f.Limit {
		found, next = found[:f.Limit], found[f.Limit-1].ID
	}
	return found, next, err
}

// read reads notifications, with where those that are due would go now.
func (s *Service) read(ctx context.Context, which string, args ...any) ([]Notification, error) {
	rows, err := readRows(ctx, s.db, which, args...)
	if err != nil {
		return nil, s.unavailable(err)
	}
	buyers := make([]string, len(rows))
	for i, r := range rows {
		buyers[i] = r.BuyerID
	}
	contacts, err := readContacts(ctx, s.db, buyers)
	if err != nil {
		return nil, s.unavailable(err)
	}
	found := make([]Notification, len(rows))
	for i, r := range rows {
		found[i] = r.notification(contacts[r.BuyerID].at(r.Channel))
	}
	return found, nil
}

// findRow reads one notification, or fails with ErrAbsent.
func (s *Service) findRow(ctx context.Context, id string) (row, error) {
	rows, err := readRows(ctx, s.db, `WHERE id = ?`, id)
	switch {
	case err != nil:
		return row{}, s.unavailable(err)
	case len(rows) == 0:
		return row{}, ErrAbsent
	}
	return rows[0], nil
}

// Message returns a notification as it would be sent now. It fails with ErrAbsent, also when its order is gone. It may hold
// tickets: only their buyer is to see it.
func (s *Service) Message(ctx context.Context, id string) (Message, error) {
	r, err := s.findRow(ctx, id)
	if err != nil {
		return Message{}, err
	}
	f, err := s.look(ctx, r)
	if err == nil && !f.exists {
		err = ErrAbsent
	}
	if err != nil {
		return Message{}, fmt.Errorf("show message: %w", err)
	}
	m, err := s.messageOf(ctx, r, f)
	if r.SentTo != "" {
		m.To = r.SentTo
	}
	return m, err
}

// sendAgain makes a dead notification due. It fails with db.ErrConflict for one that is not dead.
func sendAgain(ctx context.Context, tx *db.Tx, id string, now time.Time) error {
	return tx.ExecGuarded(ctx, 1, `UPDATE notifications SET state = 'due', tries = 0, next_at = ? WHERE id = ? AND state = 'dead'`,
		now.UnixMilli(), id)
}

// Retry has a dead notification sent again. It fails with ErrAbsent or ErrNotDead.
func (s *Service) Retry(ctx context.Context, id string, act audit.Act) (Notification, error) {
	r, err := s.findRow(ctx, id)
	if err != nil {
		return Notification{}, err
	}
	now := s.Now()
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := sendAgain(ctx, tx, id, now); err != nil {
			return err
		}
		return audit.Record(ctx, tx, act, audit.Entry{
			What: "retry_notification", Subject: id, Before: map[string]any{"state": StateDead, "tries": r.Tries},
			After: map[string]any{"state": StateDue, "tries": 0},
		}, now)
	})
	switch {
	case errors.Is(err, db.ErrConflict):
		return Notification{}, fmt.Errorf("%w: it is %s", ErrNotDead, r.State)
	case err != nil:
		return Notification{}, s.unavailable(fmt.Errorf("send a notification again: %w", err))
	}
	found, err := s.read(ctx, `WHERE id = ?`, id)
	if err != nil || len(found) == 0 {
		return Notification{}, errors.Join(err, ErrAbsent)
	}
	return found[0], nil
}

// Acts returns what operators did, the latest first, at most limit.
func (s *Service) Acts(ctx context.Context, f audit.Filter, limit int) ([]audit.Recorded, error) {
	acts, err := audit.Read(ctx, s.db.Reader(), f, limit)
	return acts, s.unavailable(err)
}

// actsMax bounds what one call reads of what operators did.
const actsMax = 1000

// ActsOn returns what operators did to some notifications, the earliest first.
func (s *Service) ActsOn(ctx context.Context, ids ...string) ([]audit.Recorded, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	acts, err := audit.ReadOn(ctx, s.db.Reader(), ids, actsMax)
	return acts, s.unavailable(err)
}

// RetryAll has those of these notifications that are dead sent again, and returns which: each says who had it done. It may be
// called again with the same ids.
func (s *Service) RetryAll(ctx context.Context, ids []string, act audit.Act) (due []string, err error) {
	for some := range slices.Chunk(ids, db.InMax) {
		var again []string
		err := s.db.InTx(ctx, func(tx *db.Tx) error {
			again = nil
			for _, id := range some {
				err := sendAgain(ctx, tx, id, s.Now())
				switch {
				case errors.Is(err, db.ErrConflict): // somebody else has done it
				case err != nil:
					return err
				default:
					again = append(again, id)
				}
			}
			return audit.RecordEach(ctx, tx, act, audit.Entry{
				What: audit.MendOne, Before: map[string]any{"state": StateDead}, After: map[string]any{"state": StateDue, "tries": 0},
			}, again, s.Now())
		})
		if err != nil {
			return due, s.unavailable(fmt.Errorf("send notifications again: %w", err))
		}
		due = append(due, again...)
	}
	return due, nil
}

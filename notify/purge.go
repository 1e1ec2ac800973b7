package notify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"boxoffice/common/db"
)

const (
	purgeScreenings = 100
	purgeOrders     = 200 // in one transaction, so that nobody waits for it long
	purgeContacts   = 500
)

// PurgeEvery purges now and after each pause until ctx ends. gone tells whether the orders of a screening are in
// the archive and nowhere else.
func (s *Service) PurgeEvery(ctx context.Context, pause time.Duration, gone func(context.Context, string) (bool, error)) {
	for {
		n, err := s.Purge(ctx, gone)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.Log.WarnContext(ctx, "purge notifications: it is tried again later", "error", err)
		case n > 0:
			s.Log.InfoContext(ctx, "purged notifications of archived screenings, and contacts", "rows", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Purge deletes the notifications of screenings whose orders are gone, and the contacts of buyers of whom nothing is left and
// who have not set them for a month, and returns how many of both. An address is kept no longer than what it was given for.
func (s *Service) Purge(ctx context.Context, gone func(context.Context, string) (bool, error)) (deleted int64, err error) {
	for after := ""; ; {
		var ids []string
		if err := s.db.Reader().SelectContext(ctx, &ids, `SELECT DISTINCT screening_id FROM notifications WHERE screening_id > ?
			ORDER BY screening_id LIMIT ?`, after, purgeScreenings); err != nil {
			return deleted, s.unavailable(fmt.Errorf("read screenings with notifications: %w", err))
		}
		for _, id := range ids {
			isGone, err := gone(ctx, id)
			if err != nil {
				return deleted, fmt.Errorf("ask for screening %s: %w", id, err)
			}
			if !isGone {
				continue
			}
			n, err := s.purgeScreening(ctx, id)
			deleted += n
			if err != nil {
				return deleted, s.unavailable(err)
			}
		}
		if len(ids) < purgeScreenings {
			break
		}
		after = ids[len(ids)-1]
	}
	n, err := s.purgeContacts(ctx)
	return deleted + n, s.unavailable(err)
}

// purgeScreening deletes the notifications of a screening's orders, a few orders at a time. What the order service still has
// stays, whatever was said of its screening, since a message that comes again would have its buyer told again.
func (s *Service) purgeScreening(ctx context.Context, screeningID string) (deleted int64, err error) {
	for after := ""; ; {
		var ids []string
		if err := s.db.Reader().SelectContext(ctx, &ids, `SELECT DISTINCT order_id FROM notifications WHERE screening_id = ?
			AND order_id > ? ORDER BY order_id LIMIT ?`, screeningID, after, purgeOrders); err != nil {
			return deleted, fmt.Errorf("read orders to purge: %w", err)
		}
		if len(ids) == 0 {
			return deleted, nil
		}
		after = ids[len(ids)-1]
		present, err := s.Orders.Find(ctx, ids...)
		if err != nil {
			return deleted, fmt.Errorf("ask for orders to purge: %w", err)
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { _, exists := present[id]; return exists })
		n, err := s.deleteIn(ctx, `DELETE FROM notifications WHERE order_id IN `, ids)
		if err != nil {
			return deleted, err
		}
		deleted += n
	}
}

// purgeContacts deletes contacts of buyers of whom there are no notifications left.
func (s *Service) purgeContacts(ctx context.Context) (deleted int64, err error) {
	before := s.Now().Add(-contactRest).UnixMilli()
	for {
		var ids []string
		if err := s.db.Reader().SelectContext(ctx, &ids, `SELECT buyer_id FROM contacts WHERE changed_at < ? AND NOT EXISTS
			(SELECT 1 FROM notifications WHERE notifications.buyer_id = contacts.buyer_id) ORDER BY changed_at, buyer_id LIMIT ?`,
			before, purgeContacts); err != nil {
			return deleted, fmt.Errorf("read contacts to purge: %w", err)
		}
		n, err := s.deleteIn(ctx, `DELETE FROM contacts WHERE changed_at < ? AND buyer_id IN `, ids, before)
		if err != nil {
			return deleted, err
		}
		deleted += n
		if len(ids) < purgeContacts || n == 0 {
			return deleted, nil
		}
	}
}

// deleteIn deletes the rows of these ids, whose list the statement ends with, and returns how many there were.
func (s *Service) deleteIn(ctx context.Context, statement string, ids []string, args ...any) (deleted int64, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		result, err := tx.ExecContext(ctx, statement+db.In(len(ids)), append(args, db.Args(ids)...)...)
		if err != nil {
			return err
		}
		deleted, err = result.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("purge notifications: %w", err)
	}
	return deleted, nil
}

package notify

import (
	"context"
	"fmt"

	"boxoffice/common/db"
	"boxoffice/purge"
)

const (
	purgeScreenings = 100
	purgeOrders     = 200 // in one transaction, so that nobody waits for it long
	purgeContacts   = 500
)

// isIdle picks contacts that were set before a time and of whose buyers there are no notifications.
const isIdle = `changed_at < ? AND NOT EXISTS (SELECT 1 FROM notifications WHERE notifications.buyer_id = contacts.buyer_id)`

// Purge deletes the notifications of screenings whose orders are gone, and the contacts of buyers of whom nothing is left and
// who have not set them for a month, and returns how many of both. An address is kept no longer than what it was given for.
func (s *Service) Purge(ctx context.Context, gone purge.Gone) (deleted int64, err error) {
	deleted, err = purge.Rows{Orders: s.Orders, Screenings: s.toldScreenings, OrdersOf: s.toldOrders, Delete: s.deleteOrders}.Purge(ctx, gone)
	if err != nil {
		return deleted, s.unavailable(err)
	}
	n, err := s.purgeContacts(ctx)
	return deleted + n, s.unavailable(err)
}

func (s *Service) toldScreenings(ctx context.Context, after string) (ids []string, err error) {
	err = s.db.Reader().SelectContext(ctx, &ids, `SELECT DISTINCT screening_id FROM notifications WHERE screening_id > ?
		ORDER BY screening_id LIMIT ?`, after, purgeScreenings)
	return ids, err
}

func (s *Service) toldOrders(ctx context.Context, screeningID, after string) (ids []string, err error) {
	err = s.db.Reader().SelectContext(ctx, &ids, `SELECT DISTINCT order_id FROM notifications WHERE screening_id = ?
		AND order_id > ? ORDER BY order_id LIMIT ?`, screeningID, after, purgeOrders)
	return ids, err
}

func (s *Service) deleteOrders(ctx context.Context, ids []string) (deleted int64, err error) {
	return s.deleteIn(ctx, `DELETE FROM notifications WHERE order_id IN `, ids)
}

// purgeContacts deletes contacts of buyers of whom there are no notifications left.
func (s *Service) purgeContacts(ctx context.Context) (deleted int64, err error) {
	before := s.Now().Add(-contactRest).UnixMilli()
	for {
		var ids []string
		if err := s.db.Reader().SelectContext(ctx, &ids, `SELECT buyer_id FROM contacts WHERE `+isIdle+` ORDER BY changed_at, buyer_id LIMIT ?`,
			before, purgeContacts); err != nil {
			return deleted, fmt.Errorf("read contacts to purge: %w", err)
		}
		n, err := s.deleteContacts(ctx, ids, before)
		if err != nil {
			return deleted, err
		}
		deleted += n
		if len(ids) < purgeContacts || n == 0 {
			return deleted, nil
		}
	}
}

// deleteContacts deletes those of these contacts that are idle still: of a buyer there may be something to tell since they were
// read.
func (s *Service) deleteContacts(ctx context.Context, buyerIDs []string, before int64) (deleted int64, err error) {
	return s.deleteIn(ctx, `DELETE FROM contacts WHERE `+isIdle+` AND buyer_id IN `, buyerIDs, before)
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

package tickets

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/db"
)

const (
	purgeScreenings = 100
	purgeRows       = 500 // in one transaction, so that nobody waits for it long
)

// PurgeEvery purges now and after each pause until ctx ends. gone tells whether the orders of a screening are in the archive.
func (t *Tickets) PurgeEvery(ctx context.Context, pause time.Duration, gone func(context.Context, string) (bool, error)) {
	for {
		n, err := t.Purge(ctx, gone)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			t.Log.WarnContext(ctx, "purge tickets: it is tried again later", "error", err)
		case n > 0:
			t.Log.InfoContext(ctx, "purged tickets of archived screenings", "tickets", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Purge deletes the tickets of screenings whose orders are gone, and returns how many: nobody can ask for them any more. An
// order that comes back from the archive gets new ones, with the same codes.
func (t *Tickets) Purge(ctx context.Context, gone func(context.Context, string) (bool, error)) (deleted int64, err error) {
	for after := ""; ; {
		var ids []string
		if err := t.db.Reader().SelectContext(ctx, &ids, `SELECT DISTINCT screening_id FROM ticket_orders WHERE screening_id > ?
			ORDER BY screening_id LIMIT ?`, after, purgeScreenings); err != nil {
			return deleted, t.unavailable(fmt.Errorf("read screenings with tickets: %w", err))
		}
		for _, id := range ids {
			isGone, err := gone(ctx, id)
			if err != nil {
				return deleted, fmt.Errorf("ask for screening %s: %w", id, err)
			}
			if !isGone {
				continue
			}
			n, err := t.purgeScreening(ctx, id)
			deleted += n
			if err != nil {
				return deleted, t.unavailable(err)
			}
		}
		if len(ids) < purgeScreenings {
			return deleted, nil
		}
		after = ids[len(ids)-1]
	}
}

// purgeScreening deletes the tickets before the orders, which lead to them.
func (t *Tickets) purgeScreening(ctx context.Context, screeningID string) (deleted int64, err error) {
	deleted, err = t.deleteRows(ctx, "tickets", "id", screeningID)
	if err != nil {
		return deleted, err
	}
	_, err = t.deleteRows(ctx, "ticket_orders", "order_id", screeningID)
	return deleted, err
}

// deleteRows deletes the rows of a screening from a table, some at a time, by their key.
func (t *Tickets) deleteRows(ctx context.Context, table, key, screeningID string) (deleted int64, err error) {
	for {
		var ids []string
		if err := t.db.Reader().SelectContext(ctx, &ids, `SELECT `+key+` FROM `+table+` WHERE screening_id = ? LIMIT ?`,
			screeningID, purgeRows); err != nil {
			return deleted, fmt.Errorf("read what is to be deleted from %s: %w", table, err)
		}
		if len(ids) == 0 {
			return deleted, nil
		}
		if err := t.db.InTx(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE `+key+` IN `+db.In(len(ids)), db.Args(ids)...)
			return err
		}); err != nil {
			return deleted, fmt.Errorf("delete from %s: %w", table, err)
		}
		deleted += int64(len(ids))
	}
}

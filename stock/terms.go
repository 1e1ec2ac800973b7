package stock

import (
	"cmp"
	"context"
	"reflect"
	"time"

	"boxoffice/common/db"
)

// fields are what operators change of a screening, by the names that the API gives them.
func (s Screening) fields() map[string]any {
	return map[string]any{
		"movie": s.Movie, "venue": s.Venue, "starts_at": fieldTime(s.StartsAt), "price": s.Price, "capacity": s.Capacity,
		"sale_opens_at": fieldTime(s.SaleOpensAt), "sale_closes_at": fieldTime(s.SaleClosesAt), "per_user_limit": s.PerUserLimit,
		"late_payment": cmp.Or(string(s.LatePayment), "refund"), "paused": s.Paused,
		"description": s.Description, "poster_url": s.PosterURL, "map_url": s.MapURL,
	}
}

func fieldTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// changedFields are those that differ, as they were and as they are.
func changedFields(before, after map[string]any) (was, is map[string]any) {
	was, is = map[string]any{}, map[string]any{}
	for name, value := range after {
		if !reflect.DeepEqual(before[name], value) {
			was[name], is[name] = before[name], value
		}
	}
	return was, is
}

// writeScreening stores a change of a screening whose stock row is locked. A policy for late payments that is switched off
// also ends what was promised before, since Republisher.HandleWanted asks the screening too.
func writeScreening(ctx context.Context, tx *db.Tx, before, after Screening) error {
	if err := writeTerms(ctx, tx, before, after); err != nil {
		return err
	}
	if before.PerUserLimit != after.PerUserLimit {
		if err := rebuildHoldings(ctx, tx, before, after); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE screenings SET movie = ?, venue = ?, starts_at = ?, price = ?, currency = ?,
		sale_opens_at = ?, sale_closes_at = ?, per_user_limit = ?, late_payment = ?, description = ?, poster_url = ?, map_url = ? WHERE id = ?`,
		after.Movie, after.Venue, after.StartsAt.UnixMilli(), after.Price.Amount, after.Price.Currency,
		after.SaleOpensAt.UnixMilli(), after.SaleClosesAt.UnixMilli(), after.PerUserLimit, string(after.LatePayment),
		after.Description, after.PosterURL, after.MapURL, after.ID)
	return err
}

// writeTerms stores what the stock row says. Every transaction that reserves or settles changes that row last: one that was
// planned under the old limit or price, or before a pause, in whatever process, either has committed before, or fails on
// limit_changes. So a limit that is switched on finds all that the buyers hold, a price is changed only while nothing was
// ever sold at the old one, and nothing is sold once a pause has been answered.
func writeTerms(ctx context.Context, tx *db.Tx, before, after Screening) error {
	changes := 0
	if before.PerUserLimit != after.PerUserLimit || before.Price != after.Price || before.Paused != after.Paused {
		changes = 1
	}
	return tx.ExecGuarded(ctx, 1, `UPDATE stock SET capacity = ?, available = ? - reserved - sold, paused = ?,
		limit_changes = limit_changes + ? WHERE screening_id = ?`,
		after.Capacity, after.Capacity, after.Paused, changes, after.ID)
}

// rebuildHoldings counts what the buyers hold when a limit is switched on. What they held under an earlier one was not kept
// up.
func rebuildHoldings(ctx context.Context, tx *db.Tx, before, after Screening) error {
	if before.PerUserLimit > 0 || after.PerUserLimit == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM holdings WHERE screening_id = ?`, after.ID); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO holdings (screening_id, buyer_id, quantity)
		SELECT screening_id, buyer_id, SUM(quantity) FROM reservations
		WHERE screening_id = ? AND state <> ? GROUP BY screening_id, buyer_id`, after.ID, Released)
	return err
}

package order

import (
	"context"

	"boxoffice/common/db"
)

// deleteAttempts deletes the attempts that are in these records as they stand. One that has become final, or has been paid,
// after the record was written is in no file, and stays.
func deleteAttempts(ctx context.Context, tx *db.Tx, records []Record) error {
	byState := map[string][]string{}
	for _, r := range records {
		for _, a := range r.Attempts {
			byState[a.State] = append(byState[a.State], a.ID)
		}
	}
	for state, ids := range byState {
		if err := tx.ExecIn(ctx, `DELETE FROM payment_attempts WHERE state = ? AND id IN (?)`, ids, state); err != nil {
			return err
		}
	}
	return nil
}

// restoreAttempts inserts the attempts of restored orders, but for those that never left the database.
func restoreAttempts(ctx context.Context, tx *db.Tx, records []Record) error {
	var ids []string
	for _, r := range records {
		for _, a := range r.Attempts {
			ids = append(ids, a.ID)
		}
	}
	rows, err := db.SelectIn[string](ctx, tx, `SELECT id FROM payment_attempts WHERE id IN (?)`, ids)
	if err != nil {
		return err
	}
	present := make(map[string]bool, len(rows))
	for _, id := range rows {
		present[id] = true
	}
	var inserted []any
	for _, r := range records {
		for _, a := range r.Attempts {
			if !present[a.ID] {
				inserted = append(inserted, a.ID, r.Order.ID, a.Provider, a.Amount, a.Currency, a.State, a.ReturnURL, a.Reference, a.Action,
					a.ExpiresAt, a.Tries, a.NextAt, a.CreatedAt, a.ChangedAt)
			}
		}
	}
	return tx.Insert(ctx, `payment_attempts (id, order_id, provider, amount, currency, state, return_url, reference, action,
		expires_at, tries, next_at, created_at, changed_at)`, inserted)
}

package notify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"boxoffice/common/db"
)

// contactRow is a row of contacts.
type contactRow struct {
	BuyerID  string `db:"buyer_id"`
	Email    string `db:"email"`
	Phone    string `db:"phone"`
	Language string `db:"language"`
}

// readContacts reads the contacts of buyers by their ids; those of others are absent from the answer.
func readContacts(ctx context.Context, d *db.DB, buyerIDs []string) (map[string]Contact, error) {
	buyerIDs = slices.Compact(slices.Sorted(slices.Values(buyerIDs)))
	rows, err := db.SelectIn[contactRow](ctx, d.Reader(), `SELECT buyer_id, email, phone, language FROM contacts WHERE buyer_id IN (?)`, buyerIDs)
	if err != nil {
		return nil, fmt.Errorf("read contacts: %w", err)
	}
	contacts := make(map[string]Contact, len(rows))
	for _, r := range rows {
		contacts[r.BuyerID] = Contact(r)
	}
	return contacts, nil
}

// writeContact records a contact, whether or not there was one.
func writeContact(ctx context.Context, tx *db.Tx, c Contact, now time.Time) error {
	result, err := tx.ExecContext(ctx, `UPDATE contacts SET email = ?, phone = ?, language = ?, changed_at = ? WHERE buyer_id = ?`,
		c.Email, c.Phone, c.Language, now.UnixMilli(), c.BuyerID)
	if err != nil {
		return fmt.Errorf("change contact: %w", err)
	}
	changed, err := result.RowsAffected()
	if err != nil || changed > 0 {
		return err
	}
	if err := tx.Insert(ctx, `contacts (buyer_id, email, phone, language, changed_at)`,
		[]any{c.BuyerID, c.Email, c.Phone, c.Language, now.UnixMilli()}); err != nil {
		return fmt.Errorf("record contact: %w", err)
	}
	return nil
}

// deleteContact forgets a contact, and where things were sent to.
func deleteContact(ctx context.Context, tx *db.Tx, buyerID string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM contacts WHERE buyer_id = ?`, buyerID); err != nil {
		return fmt.Errorf("delete contact: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE notifications SET sent_to = '', last_error = ''
		WHERE buyer_id = ? AND (sent_to <> '' OR last_error <> '')`, buyerID); err != nil {
		return fmt.Errorf("forget where notifications were sent to: %w", err)
	}
	return nil
}

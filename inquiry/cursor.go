package inquiry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"boxoffice/common/keyset"
	"boxoffice/stock"
)

// Filter selects orders. The zero value of a field selects all.
type Filter struct {
	OrderID     string
	PaymentID   string // as it is recorded, or as its provider says, or of an attempt or a refund
	BuyerID     string
	ScreeningID string
	Status      Status
}

// afterCursor is where a page of a search begins. The cursor of another search fails with keyset.ErrCursorInvalid: it would
// lead past orders that nobody has seen.
func afterCursor(cursor string, f Filter) (keyset.Position, error) {
	if cursor == "" {
		return keyset.Position{}, nil
	}
	return keyset.Parse(cursor, f.tag(), func(id string) bool {
		_, err := stock.ParseID(id)
		return err == nil
	})
}

// tag stands for what a search is for.
func (f Filter) tag() string {
	const tagBytes = 6
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", f))
	return hex.EncodeToString(sum[:tagBytes])
}

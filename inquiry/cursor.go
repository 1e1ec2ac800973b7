package inquiry

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"boxoffice/stock"
)

const cursorParts = 3

// Filter selects orders. The zero value of a field selects all.
type Filter struct {
	OrderID     string
	PaymentID   string // as it is recorded, or as its provider says, or of an attempt or a refund
	BuyerID     string
	ScreeningID string
	Status      Status
}

// formatCursor writes a place in a search, with what the search was for.
func formatCursor(place stock.Place, f Filter) string {
	return base64.RawURLEncoding.EncodeToString([]byte(f.tag() + ":" + strconv.FormatInt(place.At, 10) + ":" + place.ID))
}

// parseCursor reads what formatCursor wrote for the same search. The cursor of another one fails with ErrCursorInvalid: it
// would lead past orders that nobody has seen.
func parseCursor(cursor string, f Filter) (stock.Place, error) {
	if cursor == "" {
		return stock.Place{}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	parts := strings.SplitN(string(text), ":", cursorParts)
	if err != nil || len(parts) != cursorParts || parts[0] != f.tag() {
		return stock.Place{}, ErrCursorInvalid
	}
	at, err := strconv.ParseInt(parts[1], 10, 64)
	if _, idErr := stock.ParseID(parts[2]); err != nil || idErr != nil {
		return stock.Place{}, ErrCursorInvalid
	}
	return stock.Place{At: at, ID: parts[2]}, nil
}

// tag stands for what a search is for.
func (f Filter) tag() string {
	const tagBytes = 6
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", f))
	return hex.EncodeToString(sum[:tagBytes])
}

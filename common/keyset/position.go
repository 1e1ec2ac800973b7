// Package keyset pages through a list by where its last page ended. A number of rows would lead past some of a list that
// shrinks meanwhile, and show others twice of one that grows.
package keyset

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// ErrCursorInvalid refuses a text that was not given out as the cursor of this list.
var ErrCursorInvalid = errors.New("cursor was not given out by this service")

const cursorMax = 320 // bytes: a time, and the longest id of a payment

// Position is the last row of a page: its time in Unix milliseconds, and its id among those of the same time. The zero value
// is before the first row.
type Position struct {
	At int64
	ID string
}

// Cursor is the position as a caller keeps it for the next page. tag names what the list was selected by, and has no colon;
// it may be empty. Processes of different versions read each other's, so the form stays.
func (p Position) Cursor(tag string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(prefix(tag) + p.text(":")))
}

// Parse reads what Cursor wrote for a list of the same tag, whose ids are as isID says. The cursor of another list would lead
// past rows that nobody has seen: it fails with ErrCursorInvalid.
func Parse(cursor, tag string, isID func(string) bool) (Position, error) {
	if len(cursor) > cursorMax {
		return Position{}, ErrCursorInvalid
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return Position{}, ErrCursorInvalid
	}
	place, found := strings.CutPrefix(string(text), prefix(tag))
	if !found {
		return Position{}, ErrCursorInvalid
	}
	return parse(place, ":", isID)
}

// PlainCursor is a shorter cursor, for a list whose ids are visible ASCII and long, such as those of payments.
func (p Position) PlainCursor() string { return p.text(".") }

// ParsePlain reads what PlainCursor wrote, or fails with ErrCursorInvalid.
func ParsePlain(cursor string, isID func(string) bool) (Position, error) {
	if len(cursor) > cursorMax {
		return Position{}, ErrCursorInvalid
	}
	return parse(cursor, ".", isID)
}

func prefix(tag string) string {
	if tag == "" {
		return ""
	}
	return tag + ":"
}

func (p Position) text(separator string) string {
	return strconv.FormatInt(p.At, 10) + separator + p.ID
}

func parse(text, separator string, isID func(string) bool) (Position, error) {
	at, id, found := strings.Cut(text, separator)
	ms, err := strconv.ParseInt(at, 10, 64)
	if !found || err != nil || !isID(id) {
		return Position{}, ErrCursorInvalid
	}
	return Position{At: ms, ID: id}, nil
}

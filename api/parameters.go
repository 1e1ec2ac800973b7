package api

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/labstack/echo/v4"

	"boxoffice/stock"
)

const (
	idBytesMax     = stock.ScreeningIDMax // of any id; an order's is shorter
	cursorBytesMax = stock.CursorMax
	limitMax       = stock.PageMax
)

// pathID returns the id in the path. One that has not the form of an id is not found, like one that does not exist.
func pathID(c echo.Context) (string, error) {
	id := c.Param("id")
	if !validID(id) {
		return "", problemError{kind: notFound}
	}
	return id, nil
}

// validID tells whether s has the form of the ids that the services make.
func validID(s string) bool {
	if s == "" || len(s) > idBytesMax {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// invalidCursor is the problem of a cursor that no list gave.
func invalidCursor() error {
	return problemError{kind: malformed, detail: "cursor is not one that next_cursor gave."}
}

// listError is the answer to a list that failed: it names the parameter when the stock service cannot read the cursor.
func listError(err error) error {
	if errors.Is(err, stock.ErrCursorInvalid) {
		return invalidCursor()
	}
	return err
}

// pageQuery returns the parameters cursor and limit of a list. A limit that is not given is 0, for the default.
func pageQuery(c echo.Context) (cursor string, limit int, err error) {
	query := c.QueryParams()
	if len(query["cursor"]) > 1 || len(query["limit"]) > 1 {
		return "", 0, problemError{kind: malformed, detail: "cursor and limit may be given once each."}
	}
	cursor = query.Get("cursor")
	if len(cursor) > cursorBytesMax || !printableASCII(cursor) {
		return "", 0, invalidCursor()
	}
	if text := query.Get("limit"); query.Has("limit") {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > limitMax {
			return "", 0, problemError{kind: malformed, detail: fmt.Sprintf("limit must be an integer from 1 to %d.", limitMax)}
		}
	}
	return cursor, limit, nil
}

package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"boxoffice/common/idform"
	"boxoffice/common/keyset"
	"boxoffice/sale"
	"boxoffice/stock"
)

const headerIdempotencyKey = "Idempotency-Key"

const (
	cursorBytesMax = 320 // a list, a time and the longest id of a payment; every list checks its own
	limitMax       = stock.PageMax
	limitDefault   = 20 // where the services have none of their own
)

// pathID returns the id in the path. One that has not the form of an id is not found, like one that does not exist.
func pathID(c echo.Context) (string, error) {
	id := c.Param("id")
	if !idform.IsID(id) {
		return "", problemError{kind: notFound}
	}
	return id, nil
}

// invalidCursor is the problem of a cursor that no list gave.
func invalidCursor() error {
	return problemError{kind: malformed, detail: "cursor is not one that next_cursor gave."}
}

// listError is the answer to a list that failed: it names the parameter when the cursor cannot be read.
func listError(err error) error {
	if errors.Is(err, keyset.ErrCursorInvalid) {
		return invalidCursor()
	}
	return err
}

// listName is the name of a list, with which its cursors begin: the cursor of another list would lead anywhere.
type listName string

const (
	listOfScreenings listName = "screenings"
	listOfOrders     listName = "orders"
	listOfAllOrders  listName = "all-orders"
	listOfActs       listName = "acts"
	listOfRefunds    listName = "refunds"
	listOfParked     listName = "parked"
	listOfReused     listName = "reused" // has one page
	listOfTickets    listName = "tickets"
	listOfMail       listName = "notifications"
	listOfDead       listName = "dead-letters" // has one page
)

// cursor makes the cursor of a list from the place where its next page begins; nil where there is none.
func (l listName) cursor(place string) *string {
	if place == "" {
		return nil
	}
	whole := string(l) + "." + place
	return &whole
}

// pageQuery returns the parameters of a list: the place that its cursor stands for, and limit. A limit that is not given is
// 0, for the default.
func (l listName) pageQuery(c echo.Context) (place string, limit int, err error) {
	query := c.QueryParams()
	if len(query["cursor"]) > 1 || len(query["limit"]) > 1 {
		return "", 0, problemError{kind: malformed, detail: "cursor and limit may be given once each."}
	}
	if cursor := query.Get("cursor"); cursor != "" {
		var mine bool
		place, mine = strings.CutPrefix(cursor, string(l)+".")
		if !mine || place == "" || !idform.IsPrintableASCII(cursor, cursorBytesMax) {
			return "", 0, invalidCursor()
		}
	}
	if text := query.Get("limit"); query.Has("limit") {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > limitMax {
			return "", 0, problemError{kind: malformed, detail: fmt.Sprintf("limit must be an integer from 1 to %d.", limitMax)}
		}
	}
	return place, limit, nil
}

// onlyPage returns the parameter limit of a list that has one page, and refuses every cursor.
func (l listName) onlyPage(c echo.Context) (limit int, err error) {
	place, limit, err := l.pageQuery(c)
	if err == nil && place != "" {
		err = invalidCursor()
	}
	return limit, err
}

// pageLimit returns how many items a page has, for a limit that pageQuery returned.
func pageLimit(limit int) int {
	if limit == 0 {
		return limitDefault
	}
	return limit
}

// idempotencyKey returns the header Idempotency-Key, which must be there once with 1 to sale.KeyMax printable characters.
func idempotencyKey(header http.Header) (string, error) {
	values := header[headerIdempotencyKey]
	if len(values) == 0 || values[0] == "" {
		return "", problemError{kind: keyMissing}
	}
	if len(values) > 1 || !idform.IsPrintableASCII(values[0], sale.KeyMax) {
		return "", problemError{kind: malformed,
			detail: fmt.Sprintf("Idempotency-Key must be one value of 1 to %d printable ASCII characters.", sale.KeyMax)}
	}
	return values[0], nil
}

// pathReservation returns the reservation of the order in the path, if it is the caller's.
func pathReservation(c echo.Context, s Stock, caller string) (stock.Reservation, error) {
	id, err := pathID(c)
	if err != nil {
		return stock.Reservation{}, err
	}
	return s.Reservation(traced(c), caller, id)
}

// pathText returns a parameter of the path that is any visible ASCII, such as a payment provider's id.
func pathText(c echo.Context, name string, bytesMax int) (string, error) {
	text, err := c.Param(name), error(nil)
	if c.Request().URL.RawPath != "" { // else the router has matched the unescaped path
		text, err = url.PathUnescape(text)
	}
	if err != nil || !idform.IsVisibleASCII(text, bytesMax) {
		return "", problemError{kind: notFound}
	}
	return text, nil
}

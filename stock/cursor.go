package stock

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// The bounds of a list: PageMax items, after a cursor of CursorMax bytes.
const (
	PageMax     = 100
	CursorMax   = 256
	pageDefault = 20
)

// position is the last row of a page: its time in Unix milliseconds, and its id among those of the same time.
type position struct {
	at int64
	id string
}

func (p position) cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.at, 10) + ":" + p.id))
}

// parseCursor reads what cursor wrote; an empty one is the first page, which begins after first.
func parseCursor(cursor string, first position) (position, error) {
	if cursor == "" {
		return first, nil
	}
	if len(cursor) > CursorMax {
		return position{}, ErrCursorInvalid
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return position{}, ErrCursorInvalid
	}
	at, id, found := strings.Cut(string(text), ":")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !found || !IsScreeningID(id) {
		return position{}, ErrCursorInvalid
	}
	return position{at: ms, id: id}, nil
}

func pageSize(limit int) int {
	if limit <= 0 {
		return pageDefault
	}
	return min(limit, PageMax)
}

package api

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"
)

// answer writes a successful response: body as JSON.
func answer(c echo.Context, status int, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return c.Blob(status, echo.MIMEApplicationJSON, encoded)
}

// listAnswer is one page of a list. NextCursor is null on the last one.
type listAnswer[T any] struct {
	Items      []T     `json:"items"` // never nil, which would be encoded as null
	NextCursor *string `json:"next_cursor"`
}

// nullIfEmpty returns what encodes as null when s is empty, and as s otherwise.
func nullIfEmpty[S ~string](s S) *S {
	if s == "" {
		return nil
	}
	return &s
}

// formatTime writes a time as every answer has it: RFC 3339 in UTC with milliseconds.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func formatMilliseconds(ms int64) string { return formatTime(time.UnixMilli(ms)) }

// nullIfZero returns what encodes as null for the zero time, and as the time otherwise.
func nullIfZero(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := formatTime(t)
	return &text
}

// paymentAnswer is the answer to a payment callback: what came of the payment.
type paymentAnswer struct {
	Result string `json:"result"`
}

package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// What a request may hold at most.
const (
	bodyBytesMax     = 16 << 10
	callbackBytesMax = 64 << 10 // Standard Webhooks keeps a payload below 20 kB
	idBytesMax       = 64
	cursorBytesMax   = 256
	limitMax         = 100
	limitDefault     = 20
	detailBytesMax   = 160
)

// decodeBody reads the JSON body into dst, and nothing else of the request: echo's Bind would let a body field overwrite
// what the path says. Unknown fields, a second value and a body of another type are refused.
func decodeBody(c echo.Context, dst any) error {
	if err := requireJSON(c.Request().Header); err != nil {
		return err
	}
	raw, err := readBody(c, bodyBytesMax)
	if err != nil {
		return err
	}
	return decodeStrictly(raw, dst)
}

func requireJSON(header http.Header) error {
	if encoding := header.Get(echo.HeaderContentEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return refusal{kind: unsupportedMediaType}
	}
	content := header.Get(echo.HeaderContentType)
	if content == echo.MIMEApplicationJSON {
		return nil
	}
	media, params, err := mime.ParseMediaType(content)
	if err != nil || media != echo.MIMEApplicationJSON {
		return refusal{kind: unsupportedMediaType}
	}
	if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return refusal{kind: unsupportedMediaType}
	}
	return nil
}

// readBody returns the body as it came, which is what a signature is made over.
func readBody(c echo.Context, bytesMax int64) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > bytesMax {
		return nil, refusal{kind: bodyTooLarge}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, bytesMax))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, err
		}
		return nil, refusal{kind: malformed, detail: "The body ended before it was complete."}
	}
	return raw, nil
}

func decodeStrictly(raw []byte, dst any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(dst); err != nil {
		return refusal{kind: malformed, detail: describeDecodeError(err)}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return refusal{kind: malformed, detail: "The body holds more than one JSON value."}
	}
	return nil
}

// describeDecodeError says what to correct, in the words of the caller's own request.
func describeDecodeError(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return cutDetail(fmt.Sprintf("The body's field %q cannot be a JSON %s.", wrong.Field, wrong.Value))
	}
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("The body is not JSON from byte %d on.", wrong.Offset)
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return "A time in the body is not RFC 3339, as in 2026-01-02T15:04:05.000Z."
	}
	if errors.Is(err, io.EOF) {
		return "The body is empty."
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "The body ends in the middle of a JSON value."
	}
	return cutDetail("The body cannot be read: " + strings.TrimPrefix(err.Error(), "json: ") + ".")
}

// cutDetail keeps a caller from getting 16 KiB of field name back.
func cutDetail(s string) string {
	if len(s) <= detailBytesMax {
		return s
	}
	return strings.ToValidUTF8(s[:detailBytesMax], "") + "..."
}

// pathID returns the id in the path. One that cannot be an id is simply not there.
func pathID(c echo.Context) (string, error) {
	id := c.Param("id")
	if !validID(id) {
		return "", refusal{kind: notFound}
	}
	return id, nil
}

// validID says whether s has the form of the ids that we make.
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

// pageQuery returns the cursor and limit of a list.
func pageQuery(c echo.Context) (cursor string, limit int, err error) {
	query := c.QueryParams()
	if len(query["cursor"]) > 1 || len(query["limit"]) > 1 {
		return "", 0, refusal{kind: malformed, detail: "cursor and limit may be given once each."}
	}
	cursor = query.Get("cursor")
	if len(cursor) > cursorBytesMax || !printableASCII(cursor) {
		return "", 0, refusal{kind: malformed, detail: "cursor is not one that next_cursor gave."}
	}
	limit = limitDefault
	if text := query.Get("limit"); query.Has("limit") {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > limitMax {
			return "", 0, refusal{kind: malformed, detail: fmt.Sprintf("limit must be an integer from 1 to %d.", limitMax)}
		}
	}
	return cursor, limit, nil
}

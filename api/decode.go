package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"boxoffice/stock"
)

// What a request may hold at most.
const (
	bodyBytesMax     = 16 << 10
	callbackBytesMax = 64 << 10             // Standard Webhooks keeps a payload below 20 kB
	idBytesMax       = stock.ScreeningIDMax // and of an order id, which is shorter
	cursorBytesMax   = stock.CursorMax
	limitMax         = stock.PageMax
	limitDefault     = 20
	detailBytesMax   = 160
	numberBytesMax   = 64 // of an integer that is written with a point or an exponent
	exponentBytesMax = 3
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

// decodeStrictly reads one JSON value into dst. Names are compared as they are written, and each may stand once; a field
// that dst has not, and null, which no field may be, are refused.
func decodeStrictly(raw []byte, dst any) error {
	err := checkNulls(raw)
	if err == nil {
		err = json.Unmarshal(raw, dst, json.RejectUnknownMembers(true), integers())
	}
	if err != nil {
		return refusal{kind: malformed, detail: describeDecodeError(err)}
	}
	return nil
}

// nullError is a field that is null.
type nullError struct{ at jsontext.Pointer }

func (e nullError) Error() string { return fmt.Sprintf("field %q is null", e.at) }

// checkNulls fails at the first null. Decoding would take it for a field that is not given.
func checkNulls(raw []byte) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := decoder.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case token.Kind() == jsontext.KindNull:
			return nullError{decoder.StackPointer()}
		}
	}
}

// integers reads what JSON Schema calls an integer: 37.0 is one.
func integers() json.Options {
	return json.WithUnmarshalers(json.UnmarshalFromFunc(func(decoder *jsontext.Decoder, into *int64) error {
		if decoder.PeekKind() != jsontext.KindNumber {
			return errors.ErrUnsupported // the library says what is wrong
		}
		value, err := decoder.ReadValue()
		if err != nil {
			return err
		}
		*into, err = parseInteger(string(value))
		return err
	}))
}

var errNoInteger = errors.New("not a whole number of 64 bits")

func parseInteger(text string) (int64, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if len(text) > numberBytesMax || len(exponent) > exponentBytesMax { // it would be a number of many digits
		return 0, errNoInteger
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok || !exact.IsInt() || !exact.Num().IsInt64() {
		return 0, errNoInteger
	}
	return exact.Num().Int64(), nil
}

// describeDecodeError says what to correct, in the words of the caller's own request.
func describeDecodeError(err error) string {
	if null, ok := errors.AsType[nullError](err); ok {
		return cutDetail(fmt.Sprintf("The body's %s cannot be null.", place(null.at)))
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return "A time in the body is not RFC 3339, as in 2026-01-02T15:04:05.000Z."
	}
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok {
		switch {
		case errors.Is(err, json.ErrUnknownName):
			return cutDetail(fmt.Sprintf("The body's %s is not known.", place(wrong.JSONPointer)))
		case errors.Is(err, errNoInteger):
			return cutDetail(fmt.Sprintf("The body's %s must be a whole number of at most 64 bits.", place(wrong.JSONPointer)))
		}
		return cutDetail(fmt.Sprintf("The body's %s cannot be a JSON %s.", place(wrong.JSONPointer), wrong.JSONKind))
	}
	if wrong, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			return cutDetail(fmt.Sprintf("The body's %s is given twice.", place(wrong.JSONPointer)))
		case errors.Is(err, io.ErrUnexpectedEOF) && wrong.ByteOffset == 0:
			return "The body is empty."
		case errors.Is(err, io.ErrUnexpectedEOF):
			return "The body ends in the middle of a JSON value."
		}
		return fmt.Sprintf("The body is not one JSON value: see byte %d.", wrong.ByteOffset)
	}
	return cutDetail("The body cannot be read: " + err.Error() + ".")
}

// place names a part of the body: data.amount for /data/amount.
func place(at jsontext.Pointer) string {
	if at == "" {
		return "value"
	}
	return fmt.Sprintf("field %q", strings.Join(slices.Collect(at.Tokens()), "."))
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

func badCursor() error {
	return refusal{kind: malformed, detail: "cursor is not one that next_cursor gave."}
}

// namedCursor gives the error of a list the name of what is wrong with the request.
func namedCursor(err error) error {
	if errors.Is(err, stock.ErrCursorInvalid) {
		return badCursor()
	}
	return err
}

// pageQuery returns the cursor and limit of a list.
func pageQuery(c echo.Context) (cursor string, limit int, err error) {
	query := c.QueryParams()
	if len(query["cursor"]) > 1 || len(query["limit"]) > 1 {
		return "", 0, refusal{kind: malformed, detail: "cursor and limit may be given once each."}
	}
	cursor = query.Get("cursor")
	if len(cursor) > cursorBytesMax || !printableASCII(cursor) {
		return "", 0, badCursor()
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

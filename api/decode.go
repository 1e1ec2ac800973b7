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
)

const (
	bodyBytesMax     = 16 << 10
	callbackBytesMax = 64 << 10 // Standard Webhooks recommends less than 20 kB
	detailBytesMax   = 160      // of a problem that quotes the request
	numberBytesMax   = 64       // of an integer that is written with a point or an exponent
	exponentBytesMax = 3
)

// decodeBody decodes a request's JSON body into dst. It fails for another content type, an unknown field, a field given
// twice or null, and more than one value. Echo's Bind is laxer, and lets a field of the body overwrite a path parameter.
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

// requireJSON fails unless the body is plain JSON: not compressed, and in UTF-8.
func requireJSON(header http.Header) error {
	if encoding := header.Get(echo.HeaderContentEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return problemError{kind: unsupportedMediaType}
	}
	content := header.Get(echo.HeaderContentType)
	if content == echo.MIMEApplicationJSON {
		return nil
	}
	media, params, err := mime.ParseMediaType(content)
	if err != nil || media != echo.MIMEApplicationJSON {
		return problemError{kind: unsupportedMediaType}
	}
	if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return problemError{kind: unsupportedMediaType}
	}
	return nil
}

// readBody reads a body of at most bytesMax as it was sent, which is what a signature is made over.
func readBody(c echo.Context, bytesMax int64) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > bytesMax {
		return nil, problemError{kind: bodyTooLarge}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, bytesMax))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, err
		}
		return nil, problemError{kind: malformed, detail: "The body ended before it was complete."}
	}
	return raw, nil
}

// decodeStrictly decodes one JSON value into dst, with exact names, each at most once, none that dst lacks, and no null.
func decodeStrictly(raw []byte, dst any) error {
	err := checkNulls(raw)
	if err == nil {
		err = json.Unmarshal(raw, dst, json.RejectUnknownMembers(true), jsonSchemaIntegers())
	}
	if err != nil {
		return problemError{kind: malformed, detail: describeDecodeError(err)}
	}
	return nil
}

// nullError is the error for a null, which no field of a request may be.
type nullError struct{ at jsontext.Pointer }

func (e nullError) Error() string { return fmt.Sprintf("field %q is null", e.at) }

// checkNulls fails at the first null, which the decoder would take for a field that is not given.
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

// jsonSchemaIntegers makes the decoder take every integer of JSON Schema for an int64: 37.0 and 3.7e1 are integers.
func jsonSchemaIntegers() json.Options {
	return json.WithUnmarshalers(json.UnmarshalFromFunc(func(decoder *jsontext.Decoder, into *int64) error {
		if decoder.PeekKind() != jsontext.KindNumber {
			return errors.ErrUnsupported // the library reports the type error
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
	if len(text) > numberBytesMax || len(exponent) > exponentBytesMax { // big.Rat would spell 1e999999999 out
		return 0, errNoInteger
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok || !exact.IsInt() || !exact.Num().IsInt64() {
		return 0, errNoInteger
	}
	return exact.Num().Int64(), nil
}

// describeDecodeError explains a decoding error to the caller: which field or byte of the body is wrong, and how.
func describeDecodeError(err error) string {
	if null, ok := errors.AsType[nullError](err); ok {
		return truncateDetail(fmt.Sprintf("The body's %s cannot be null.", fieldName(null.at)))
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return "A time in the body is not RFC 3339, as in 2026-01-02T15:04:05.000Z."
	}
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok {
		switch {
		case errors.Is(err, json.ErrUnknownName):
			return truncateDetail(fmt.Sprintf("The body's %s is not known.", fieldName(wrong.JSONPointer)))
		case errors.Is(err, errNoInteger):
			return truncateDetail(fmt.Sprintf("The body's %s must be a whole number of at most 64 bits.", fieldName(wrong.JSONPointer)))
		}
		return truncateDetail(fmt.Sprintf("The body's %s cannot be a JSON %s.", fieldName(wrong.JSONPointer), wrong.JSONKind))
	}
	if wrong, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			return truncateDetail(fmt.Sprintf("The body's %s is given twice.", fieldName(wrong.JSONPointer)))
		case errors.Is(err, io.ErrUnexpectedEOF) && wrong.ByteOffset == 0:
			return "The body is empty."
		case errors.Is(err, io.ErrUnexpectedEOF):
			return "The body ends in the middle of a JSON value."
		}
		return fmt.Sprintf("The body is not one JSON value: see byte %d.", wrong.ByteOffset)
	}
	return truncateDetail("The body cannot be read: " + err.Error() + ".")
}

// fieldName names a part of the body to the caller: field "data.amount" for /data/amount.
func fieldName(at jsontext.Pointer) string {
	if at == "" {
		return "value"
	}
	return fmt.Sprintf("field %q", strings.Join(slices.Collect(at.Tokens()), "."))
}

// truncateDetail bounds what a problem quotes of the request, where a field's name may have 16 KiB.
func truncateDetail(s string) string {
	if len(s) <= detailBytesMax {
		return s
	}
	return strings.ToValidUTF8(s[:detailBytesMax], "") + "..."
}

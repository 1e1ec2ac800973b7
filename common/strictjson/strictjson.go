// Package strictjson reads JSON that somebody else has written, by the letter of JSON Schema and no laxer: names match
// exactly, and each may be given once.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	detailBytesMax   = 160 // of a description that quotes the input
	numberBytesMax   = 64  // of an integer that is written with a point or an exponent
	exponentBytesMax = 3
)

// Unmarshal decodes one JSON value into dst, with exact names, each at most once, none that dst lacks, and no null.
func Unmarshal(raw []byte, dst any) error {
	if err := checkNulls(raw); err != nil {
		return err
	}
	return json.Unmarshal(raw, dst, json.RejectUnknownMembers(true), integers)
}

// UnmarshalKnown decodes one JSON value into dst, with exact names, each at most once, and passes over those that dst
// lacks: senders add some.
func UnmarshalKnown(raw []byte, dst any) error { return json.Unmarshal(raw, dst, integers) }

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

// integers makes the decoder take every integer of JSON Schema for an int64: 37.0 and 3.7e1 are integers. It is made once,
// because the library keeps with it what it has found out about each type.
var integers = json.WithUnmarshalers(json.UnmarshalFromFunc(readInteger))

func readInteger(decoder *jsontext.Decoder, into *int64) error {
	if decoder.PeekKind() != jsontext.KindNumber {
		return errors.ErrUnsupported // the library reports the type error
	}
	value, err := decoder.ReadValue()
	if err != nil {
		return err
	}
	*into, err = parseInteger(string(value))
	return err
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

// ParseTime reads a time by the letter of RFC 3339, as Unmarshal does. The time package takes an hour of one digit, a comma
// before the fraction, and zones of more than a day.
func ParseTime(text string) (time.Time, error) {
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		return time.Time{}, err
	}
	var t time.Time
	err = json.Unmarshal(quoted, &t)
	return t, err
}

// Describe explains a decoding error to the caller: which field or byte of the body is wrong, and how.
func Describe(err error) string {
	if null, ok := errors.AsType[nullError](err); ok {
		return truncateDetail(fmt.Sprintf("The body's %s cannot be null.", fieldName(null.at)))
	}
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok {
		switch _, isTime := errors.AsType[*time.ParseError](err); {
		case isTime:
			return truncateDetail(fmt.Sprintf("The body's %s is no time of RFC 3339, as in 2026-01-02T15:04:05.000Z.", fieldName(wrong.JSONPointer)))
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

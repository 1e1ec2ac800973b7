package broker

import (
	"errors"
	"fmt"
	"strconv"
)

var errField = errors.New("bad request field")

// fields reads the ext fields of a request. The first missing or malformed
// field is kept in err, so a handler reads all it needs and checks once.
type fields struct {
	ext map[string]string
	err error
}

func (f *fields) fail(name, value string) {
	if f.err == nil {
		f.err = fmt.Errorf("%w: %s=%q", errField, name, value)
	}
}

// text returns a field that must not be empty.
func (f *fields) text(name string) string {
	value := f.ext[name]
	if value == "" {
		f.fail(name, value)
	}
	return value
}

// number returns a field that is a number of so many bits.
func (f *fields) number(name string, bits int) int64 {
	n, err := strconv.ParseInt(f.ext[name], 10, bits)
	if err != nil {
		f.fail(name, f.ext[name])
	}
	return n
}

func (f *fields) int64(name string) int64 { return f.number(name, 64) }

func (f *fields) int32(name string) int32 { return int32(f.number(name, 32)) }

// int32Or returns the default when the field is absent.
func (f *fields) int32Or(name string, absent int32) int32 {
	if f.ext[name] == "" {
		return absent
	}
	return f.int32(name)
}

func (f *fields) int64Or(name string, absent int64) int64 {
	if f.ext[name] == "" {
		return absent
	}
	return f.int64(name)
}

// boolean is true for the text "true", as Boolean.parseBoolean.
func (f *fields) boolean(name string) bool { return f.ext[name] == "true" }

package keyset

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func isWord(id string) bool { return id != "" && !strings.Contains(id, " ") }

// Stock, the search of orders and the list of payments each wrote the position of a page in a form of its own. While an office
// is upgraded, a page that one process began is gone on with by another of an earlier version: these are the forms of before.
func TestCursorsKeepTheirForm(t *testing.T) {
	p := Position{1795176000250, "order-1"}
	for written, want := range map[string]string{
		p.Cursor(""):             "MTc5NTE3NjAwMDI1MDpvcmRlci0x",
		p.Cursor("0a1b2c3d4e5f"): "MGExYjJjM2Q0ZTVmOjE3OTUxNzYwMDAyNTA6b3JkZXItMQ",
		p.PlainCursor():          "1795176000250.order-1",
	} {
		if written != want {
			t.Errorf("wrote %q, want %q", written, want)
		}
	}
}

func TestCursorsAreReadAsWritten(t *testing.T) {
	for _, p := range []Position{{0, "a"}, {-1, "a:b:1"}, {math.MaxInt64, "pay_1.2"}, {math.MinInt64, strings.Repeat("~", 255)}} {
		if got, err := ParsePlain(p.PlainCursor(), isWord); got != p || err != nil {
			t.Errorf("%+v is read as %+v, %v", p, got, err)
		}
		if len(p.ID) > 200 {
			continue
		}
		for _, tag := range []string{"", "tag"} {
			if got, err := Parse(p.Cursor(tag), tag, isWord); got != p || err != nil {
				t.Errorf("%+v of %q is read as %+v, %v", p, tag, got, err)
			}
		}
	}
}

func TestForeignCursorsAreRefused(t *testing.T) {
	long := Position{1, strings.Repeat("x", cursorMax)}
	for _, cursor := range []string{
		"", "!", "x", "MTIz", Position{1, ""}.Cursor("tag"), Position{1, "a b"}.Cursor("tag"), Position{1, "a"}.Cursor(""),
		Position{1, "a"}.Cursor("other"), Position{1, "a"}.Cursor("tag") + "!", Position{1, "a"}.PlainCursor(), long.Cursor("tag"),
	} {
		if got, err := Parse(cursor, "tag", isWord); !errors.Is(err, ErrCursorInvalid) {
			t.Errorf("%q is read as %+v, %v", cursor, got, err)
		}
	}
	for _, cursor := range []string{"", "x", "1", "1.", ".a", "1.a b", "1e3.a", long.PlainCursor()} {
		if got, err := ParsePlain(cursor, isWord); !errors.Is(err, ErrCursorInvalid) {
			t.Errorf("%q is read as %+v, %v", cursor, got, err)
		}
	}
}

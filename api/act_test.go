package api

import (
	"strings"
	"testing"

	"boxoffice/common/audit"
)

// An operator who wrote 400 Chinese characters into a field for a thousand was told that the note was too long: the page and the
// API's schema counted characters, and the server bytes.
func TestNotesAreCountedInCharacters(t *testing.T) {
	for note, good := range map[string]bool{
		strings.Repeat("\u7968", audit.NoteMax): true, strings.Repeat("\u7968", audit.NoteMax+1): false,
		strings.Repeat("\U0001f3ab", audit.NoteMax): true, strings.Repeat("n", audit.NoteMax+1): false, "two\nlines": false, " ": false,
	} {
		if act, err := newAct("olga", note); (err == nil) != good || good && act.Note != note {
			t.Errorf("%.20q, of %d bytes: %v", note, len(note), err)
		}
	}
}

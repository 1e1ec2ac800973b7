package api

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"boxoffice/common/audit"
	"boxoffice/common/sentence"
)

// actBody is why an operator does something.
type actBody struct {
	Note string `json:"note"`
}

// readAct reads who does something and why.
func readAct(c echo.Context, caller string) (audit.Act, error) {
	var body actBody
	if err := decodeBody(c, &body); err != nil {
		return audit.Act{}, err
	}
	return newAct(c, caller, body.Note)
}

// newAct is an act that needs a note.
func newAct(c echo.Context, caller, note string) (audit.Act, error) {
	if strings.TrimSpace(note) == "" {
		return audit.Act{}, badNote()
	}
	return newSmallAct(c, caller, note)
}

// newSmallAct is an act that may go without a note, because nothing is lost by it.
func newSmallAct(c echo.Context, caller, note string) (audit.Act, error) {
	if utf8.RuneCountInString(note) > audit.NoteMax || strings.ContainsFunc(note, unicode.IsControl) {
		return audit.Act{}, badNote()
	}
	act, _ := c.Get(operatorKey).(audit.Act)
	act.Actor, act.Note = caller, note
	return act, nil
}

func badNote() error {
	return telling(invalid, sentence.New("bad_note", "note must say why, in one line of 1 to {most} characters.", "most", audit.NoteMax))
}

// recordedActAnswer is an act of an operator.
type recordedActAnswer struct {
	At      string          `json:"at"`
	Actor   string          `json:"actor"`
	Name    *string         `json:"actor_name"` // null when the id is all that is known
	Process *string         `json:"process"`    // that was asked; null when it is not known
	Act     string          `json:"act"`
	Subject string          `json:"subject"`
	Note    string          `json:"note"`
	Before  json.RawMessage `json:"before"` // the fields that it changed; null when they are not known
	After   json.RawMessage `json:"after"`
}

func newRecordedActAnswer(a audit.Recorded) recordedActAnswer {
	fields := func(recorded json.RawMessage) json.RawMessage {
		if len(recorded) == 0 {
			return json.RawMessage("null")
		}
		return recorded
	}
	return recordedActAnswer{
		formatTime(a.At), a.Actor, nullIfEmpty(a.Name), nullIfEmpty(a.Process), a.What, a.Subject, a.Note, fields(a.Before), fields(a.After),
	}
}

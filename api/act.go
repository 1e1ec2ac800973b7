package api

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"boxoffice/order"
)

type actBody struct {
	Note string `json:"note"`
}

// readAct reads who does something and why.
func readAct(c echo.Context, caller string) (order.Act, error) {
	var body actBody
	if err := decodeBody(c, &body); err != nil {
		return order.Act{}, err
	}
	return newAct(caller, body.Note)
}

func newAct(caller, note string) (order.Act, error) {
	control := strings.ContainsFunc(note, func(r rune) bool { return unicode.IsControl(r) })
	if strings.TrimSpace(note) == "" || len(note) > order.NoteMax || control {
		return order.Act{}, problemError{kind: invalid,
			detail: fmt.Sprintf("note must say why, in one line of 1 to %d bytes.", order.NoteMax)}
	}
	return order.Act{Actor: caller, Note: note}, nil
}

// recordedActAnswer is an act of an operator.
type recordedActAnswer struct {
	At      string `json:"at"`
	Actor   string `json:"actor"`
	Act     string `json:"act"`
	Subject string `json:"subject"`
	Note    string `json:"note"`
}

func newRecordedActAnswer(a order.RecordedAct) recordedActAnswer {
	return recordedActAnswer{formatTime(a.At), a.Actor, a.What, a.Subject, a.Note}
}

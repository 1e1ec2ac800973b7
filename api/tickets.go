package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/labstack/echo/v4"

	"boxoffice/common/idform"
	"boxoffice/stock"
	"boxoffice/tickets"
)

// ticketAnswer is a ticket as its buyer sees it.
type ticketAnswer struct {
	ID      string        `json:"id"`
	Number  int           `json:"number"`
	Of      int           `json:"of"`
	Code    string        `json:"code,omitempty"`     // not in the staff's list
	QRImage string        `json:"qr_image,omitempty"` // if it was asked for
	State   tickets.State `json:"state"`
	UsedAt  *string       `json:"used_at"`
}

func newTicketAnswer(t tickets.Ticket) ticketAnswer {
	shown := ticketAnswer{ID: t.ID, Number: t.Number, Of: t.Of, Code: t.Code, State: t.State}
	if !t.UsedAt.IsZero() {
		used := formatTime(t.UsedAt)
		shown.UsedAt = &used
	}
	return shown
}

// orderTicketsAnswer is the tickets of an order.
type orderTicketsAnswer struct {
	ScreeningID string         `json:"screening_id"`
	Items       []ticketAnswer `json:"items"`
	ServerTime  string         `json:"server_time"`
}

// booleanQuery returns a parameter that is true or false; without it, false.
func booleanQuery(c echo.Context, name string) (bool, error) {
	switch given := c.QueryParams()[name]; {
	case len(given) == 0, len(given) == 1 && given[0] == "false":
		return false, nil
	case len(given) == 1 && given[0] == "true":
		return true, nil
	}
	return false, problemError{kind: malformed, detail: name + " must be true or false, given once."}
}

// listOrderTickets answers the tickets of a paid order to its buyer, the valid ones with their QR codes if they are asked
// for.
func (h *handler) listOrderTickets(c echo.Context, caller string) error {
	wantsQR, err := booleanQuery(c, "qr")
	if err != nil {
		return err
	}
	reservation, err := pathReservation(c, h.Stock, caller)
	if err != nil {
		return err
	}
	found, err := h.Tickets.OfOrder(traced(c), reservation.ID)
	if err != nil {
		return err
	}
	page := orderTicketsAnswer{
		ScreeningID: reservation.ScreeningID, Items: make([]ticketAnswer, len(found)), ServerTime: formatTime(h.Now()),
	}
	for i, ticket := range found {
		page.Items[i] = newTicketAnswer(ticket)
		if !wantsQR || ticket.State != tickets.Valid {
			continue
		}
		page.Items[i].QRImage, err = h.qrImages.of(traced(c), ticket.Code)
		switch {
		case errors.Is(err, errDrawingBusy):
			return problemError{kind: busy, detail: "Too many codes are being drawn: ask again."}
		case err != nil:
			return err
		}
	}
	return answer(c, http.StatusOK, page)
}

// keySetAnswer is a JSON Web Key Set, with keys of RFC 8037.
type keySetAnswer struct {
	Keys []keyAnswer `json:"keys"`
}

type keyAnswer struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	Use   string `json:"use"`
	X     string `json:"x"`
}

// getTicketKeys answers the public keys, by which anybody can check a code without asking this office.
func (h *handler) getTicketKeys(c echo.Context) error {
	set := keySetAnswer{Keys: []keyAnswer{}}
	for _, key := range h.Tickets.PublicKeys() {
		set.Keys = append(set.Keys, keyAnswer{"OKP", "Ed25519", "sig", base64.RawURLEncoding.EncodeToString(key)})
	}
	return answer(c, http.StatusOK, set)
}

const (
	doorWait   = 2 * time.Second    // for the screening of a ticket, while somebody stands at the door
	doorHours  = 12 * time.Hour     // before and after its beginning a ticket opens a door of any screening
	doorCloses = 7 * 24 * time.Hour // after its beginning a ticket opens no door: used ones may be deleted from then on
)

// checkInBody is a code that was scanned, or typed, at a door.
type checkInBody struct {
	Code        string `json:"code"`
	ScreeningID string `json:"screening_id"`
	Gate        string `json:"gate"`
}

// checkInAnswer says who may come in: one person, to this screening.
type checkInAnswer struct {
	Ticket     ticketAnswer     `json:"ticket"`
	Gate       string           `json:"gate"`
	Screening  *screeningAnswer `json:"screening"` // null when it cannot be read: the door opens all the same
	ServerTime string           `json:"server_time"`
}

// checkIn lets the bearer of a code in, once. A retry with the same Idempotency-Key gets the same answer.
func (h *handler) checkIn(c echo.Context, caller string) error {
	key, err := idempotencyKey(c.Request().Header)
	if err != nil {
		return err
	}
	var body checkInBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	switch {
	case body.ScreeningID != "" && !idform.IsID(body.ScreeningID):
		return problemError{kind: invalid, detail: "screening_id must be the id of a screening, or left out."}
	case len(body.Gate) > tickets.GateMax || strings.ContainsFunc(body.Gate, unicode.IsControl):
		return problemError{kind: invalid, detail: fmt.Sprintf(
			"gate must have at most %d bytes of UTF-8 and no control characters.", tickets.GateMax)}
	}
	ctx := traced(c)
	screening, err := h.openDoor(ctx, body)
	if err != nil {
		return err
	}
	ticket, err := h.Tickets.CheckIn(ctx, tickets.Entry{
		Code: body.Code, ScreeningID: body.ScreeningID, Gate: body.Gate, Staff: caller, Key: key,
	})
	if screening != nil && errors.Is(err, tickets.ErrWrongScreening) {
		return elsewhereError{err, *screening}
	}
	if err != nil {
		return err
	}
	c.Set(loggedSubject, ticket.ID)
	admitted := checkInAnswer{Ticket: newTicketAnswer(ticket), Gate: ticket.UsedGate, ServerTime: formatTime(h.Now())}
	if screening != nil {
		shown := newScreeningAnswer(*screening, h.Now())
		admitted.Screening = &shown
	}
	return answer(c, http.StatusOK, admitted)
}

// openDoor refuses a code at a time that cannot be that of its screening, and returns the screening. A door that names its
// screening decides by itself, until the screening is long over. If the screening cannot be read soon, the door opens all
// the same, and nil is returned.
func (h *handler) openDoor(ctx context.Context, body checkInBody) (*stock.Screening, error) {
	id, err := h.Tickets.ScreeningOf(body.Code)
	if err != nil {
		return nil, err
	}
	reading, cancel := context.WithTimeout(ctx, doorWait)
	defer cancel()
	screening, err := h.Stock.Screening(reading, id)
	if err != nil {
		level := slog.LevelWarn
		if errors.Is(err, stock.ErrUnavailable) { // of the outage there is a line already
			level = slog.LevelDebug
		}
		h.Log.Log(ctx, level, "let somebody in without a look at the screening", "screening_id", id, "error", err)
		return nil, nil
	}
	begins, anywhere := screening.StartsAt.Sub(h.Now()), body.ScreeningID == ""
	switch {
	case anywhere && begins > doorHours:
		return nil, elsewhereError{problemError{kind: ticketEarly, detail: "The ticket is for a screening that begins on another day: " +
			"name the screening of the door to let its bearer in all the same."}, screening}
	case anywhere && -begins > doorHours, -begins > doorCloses:
		return nil, elsewhereError{problemError{kind: ticketOver}, screening}
	}
	return &screening, nil
}

// checkInCounts is how full a screening is.
type checkInCounts struct {
	Sold       int64  `json:"sold"`    // by the stock service
	Issued     int64  `json:"issued"`  // tickets that were made of them so far, without void ones
	Entered    int64  `json:"entered"` // tickets that were used
	Void       int64  `json:"void"`
	ServerTime string `json:"server_time"`
}

// countCheckIns answers how many tickets of a screening were sold and used.
func (h *handler) countCheckIns(c echo.Context, _ string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	ctx := traced(c)
	screening, err := h.Stock.Screening(ctx, id)
	if err != nil {
		return err
	}
	counts, err := h.Tickets.Count(ctx, id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, checkInCounts{
		Sold: screening.Sold, Issued: counts.Valid + counts.Used, Entered: counts.Used, Void: counts.Void, ServerTime: formatTime(h.Now()),
	})
}

// listScreeningTickets answers one page of a screening's tickets, without codes: the list of a door that works without a
// network, which verifies codes by the public keys.
func (h *handler) listScreeningTickets(c echo.Context, _ string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	cursor, limit, err := listOfTickets.pageQuery(c)
	if err != nil {
		return err
	}
	found, next, err := h.Tickets.OfScreening(traced(c), id, cursor, pageLimit(limit))
	if err != nil {
		return err
	}
	page := listAnswer[ticketAnswer]{Items: make([]ticketAnswer, len(found)), NextCursor: listOfTickets.cursor(next)}
	for i, ticket := range found {
		page.Items[i] = newTicketAnswer(ticket)
	}
	return answer(c, http.StatusOK, page)
}

package api

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"boxoffice/notify"
)

// The buyer's own calls on where to be told what becomes of orders.

type contactBody struct {
	Email    string `json:"email"`
	Phone    string `json:"phone"`
	Language string `json:"language"`
}

// contactAnswer is where a buyer is told. Its first three fields are null when that is nowhere.
type contactAnswer struct {
	Email          *string          `json:"email"`
	Phone          *string          `json:"phone"`
	Language       *string          `json:"language"`
	SuggestedEmail *string          `json:"suggested_email"` // the buyer's, as the identity provider has verified it
	Channels       []notify.Channel `json:"channels"`        // by which this office tells anybody
}

func (h *handler) newContactAnswer(who caller, c notify.Contact) contactAnswer {
	channels := h.NotifyChannels
	if channels == nil {
		channels = []notify.Channel{}
	}
	return contactAnswer{
		Email: nullIfEmpty(c.Email), Phone: nullIfEmpty(c.Phone), Language: nullIfEmpty(c.Language),
		SuggestedEmail: nullIfEmpty(who.Email), Channels: channels,
	}
}

// getContact answers where the buyer is told, which may be nowhere.
func (h *handler) getContact(c echo.Context, who caller) error {
	contact, err := h.Notify.ContactOf(traced(c), who.Subject)
	if err != nil && !errors.Is(err, notify.ErrContactAbsent) {
		return err
	}
	return answer(c, http.StatusOK, h.newContactAnswer(who, contact))
}

// setContact records where the buyer wants to be told from now on.
func (h *handler) setContact(c echo.Context, who caller) error {
	var body contactBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	contact := notify.Contact{BuyerID: who.Subject, Email: body.Email, Phone: body.Phone, Language: body.Language}
	if err := h.Notify.SetContact(traced(c), contact); err != nil {
		return err
	}
	return h.getContact(c, who)
}

// deleteContact forgets where the buyer was told.
func (h *handler) deleteContact(c echo.Context, who caller) error {
	if err := h.Notify.DeleteContact(traced(c), who.Subject); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

package api

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"boxoffice/notify"
)

// The demo's mailbox: what would have been sent. Nothing of it leaves the machine.

const mailboxMax = 50 // messages that are listed, the latest first

// messageAnswer is a mail or SMS as its buyer would get it.
type messageAnswer struct {
	notificationAnswer
	Subject *string `json:"subject"` // null for an SMS
	Text    string  `json:"text"`
	HTML    *string `json:"html"` // a whole document, with its images in it; null for an SMS
}

// listMessages answers what the buyer was told, the latest first.
func (h *handler) listMessages(c echo.Context, caller string) error {
	found, err := h.Notify.OfBuyer(traced(c), caller, mailboxMax)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, listAnswer[notificationAnswer]{Items: newNotificationAnswers(found)})
}

// getMessage answers one message to the buyer to whom it was sent. Another's is not found, as one that never was.
func (h *handler) getMessage(c echo.Context, caller string) error {
	id, err := pathText(c, "id", notificationIDMax)
	if err != nil {
		return err
	}
	found, err := h.ownNotification(c, caller, id)
	if err != nil {
		return err
	}
	message, err := h.Notify.Message(traced(c), id)
	if err != nil {
		return err
	}
	html := message.HTML
	for _, image := range message.Images {
		html = strings.ReplaceAll(html, "cid:"+image.ID+`"`, "data:image/png;base64,"+base64.StdEncoding.EncodeToString(image.PNG)+`"`)
	}
	return answer(c, http.StatusOK, messageAnswer{
		notificationAnswer: newNotificationAnswer(found), Subject: nullIfEmpty(message.Subject), Text: message.Text, HTML: nullIfEmpty(html),
	})
}

// ownNotification returns one of the buyer's own that are listed.
func (h *handler) ownNotification(c echo.Context, caller, id string) (notify.Notification, error) {
	listed, err := h.Notify.OfBuyer(traced(c), caller, mailboxMax)
	if err != nil {
		return notify.Notification{}, err
	}
	for _, n := range listed {
		if n.ID == id {
			return n, nil
		}
	}
	return notify.Notification{}, problemError{kind: notFound}
}

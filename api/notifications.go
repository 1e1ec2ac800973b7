package api

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"boxoffice/notify"
)

// The operators' calls on what buyers are told.

func notificationPage(found []notify.Notification, next string) listAnswer[notificationAnswer] {
	return listAnswer[notificationAnswer]{Items: newNotificationAnswers(found), NextCursor: listOfMail.cursor(next)}
}

// listNotifications answers one page of what is in a state; without the parameter, of what is dead.
func (h *handler) listNotifications(c echo.Context, _ string) error {
	place, limit, err := listOfMail.pageQuery(c)
	if err != nil {
		return err
	}
	state := notify.StateDead
	if given := c.QueryParams()["state"]; len(given) > 0 {
		state = notify.State(given[0])
		if len(given) > 1 || !slices.Contains(notify.States(), state) {
			return problemError{kind: malformed, detail: fmt.Sprintf("state must be one of %v, given once.", notify.States())}
		}
	}
	found, next, err := h.Notify.Find(traced(c), notify.Filter{State: state, AfterID: place, Limit: pageLimit(limit)})
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, notificationPage(found, next))
}

// listOrderNotifications answers what the buyer of an order was told of it, and will be.
func (h *handler) listOrderNotifications(c echo.Context, _ string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	found, err := h.Notify.OfOrder(traced(c), id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, notificationPage(found, ""))
}

// retryNotification has a dead mail or SMS sent again.
func (h *handler) retryNotification(c echo.Context, caller string) error {
	act, err := readAct(c, caller)
	if err != nil {
		return err
	}
	id, err := pathText(c, "id", notificationIDMax)
	if err != nil {
		return err
	}
	found, err := h.Notify.Retry(traced(c), id, act)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, newNotificationAnswer(found))
}

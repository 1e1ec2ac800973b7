package api

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"boxoffice/notify"
)

// The operators' calls on what buyers are told.

const notificationIDMax = 160

// notificationAnswer is one mail or SMS about one order.
type notificationAnswer struct {
	ID        string         `json:"id"`
	OrderID   string         `json:"order_id"`
	BuyerID   string         `json:"buyer_id"`
	Kind      notify.Kind    `json:"kind"`
	Channel   notify.Channel `json:"channel"`
	To        *string        `json:"to"` // null when there is nobody to tell any more
	State     notify.State   `json:"state"`
	Tries     int            `json:"tries"`
	LastError *string        `json:"last_error"` // of the last try that failed, or why nothing is sent
	CreatedAt string         `json:"created_at"`
	NextAt    *string        `json:"next_at"` // null unless it is due
	SentAt    *string        `json:"sent_at"`
}

func newNotificationAnswer(n notify.Notification) notificationAnswer {
	return notificationAnswer{
		ID: n.ID, OrderID: n.OrderID, BuyerID: n.BuyerID, Kind: n.Kind, Channel: n.Channel, To: nullIfEmpty(n.To), State: n.State,
		Tries: n.Tries, LastError: nullIfEmpty(n.LastError), CreatedAt: formatTime(n.CreatedAt),
		NextAt: nullIfZero(n.NextAt), SentAt: nullIfZero(n.SentAt),
	}
}

func notificationPage(found []notify.Notification, next string) listAnswer[notificationAnswer] {
	page := listAnswer[notificationAnswer]{Items: make([]notificationAnswer, len(found)), NextCursor: nullIfEmpty(next)}
	for i, n := range found {
		page.Items[i] = newNotificationAnswer(n)
	}
	return page
}

// listNotifications answers one page of what is in a state; without the parameter, of what is dead.
func (h *handler) listNotifications(c echo.Context, _ string) error {
	cursor, limit, err := pageQuery(c)
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
	found, next, err := h.Notify.Find(traced(c), notify.Filter{State: state, AfterID: cursor, Limit: pageLimit(limit)})
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

package api

import "boxoffice/notify"

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

func newNotificationAnswers(found []notify.Notification) []notificationAnswer {
	answers := make([]notificationAnswer, len(found))
	for i, n := range found {
		answers[i] = newNotificationAnswer(n)
	}
	return answers
}

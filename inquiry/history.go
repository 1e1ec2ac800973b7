package inquiry

import (
	"bytes"
	"context"
	"errors"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

const (
	messageTimeout = 3 * time.Second
	messagesMax    = 500         // that are read of each queue, around the time of the purchase
	clockSlack     = time.Second // by which the broker's clock may differ
	messageWait    = time.Minute // after the purchase, in which a message is looked for whose order is not there yet
)

// MessageState says whether a purchase's message was found.
type MessageState string

// The states: it is among what the queue still has, it is not, or the queue did not answer.
const (
	MessageFound MessageState = "found"
	MessageGone  MessageState = "gone"
	MessageAway  MessageState = "queue_away"
)

// History is what happened to an order, and whether the queue could be asked for its part.
type History struct {
	OrderID string
	Entries []Entry
	Message MessageState
}

// History reads what happened to an order until now, and what is to come. It fails as Dossier does; a queue that does not
// answer leaves its part out.
func (d *Desk) History(ctx context.Context, orderID string, now time.Time) (History, error) {
	dossier, err := d.Dossier(ctx, orderID)
	if err != nil {
		return History{}, err
	}
	message, state, err := d.findMessage(ctx, dossier)
	if err != nil {
		return History{}, err
	}
	return History{orderID, dossier.timeline(message, now), state}, nil
}

// findMessage looks for the message that a purchase sent, around the time of the purchase. Whatever was published again
// later does not tell how the order began.
func (d *Desk) findMessage(ctx context.Context, dossier Dossier) (*mq.Stored, MessageState, error) {
	if dossier.Reservation == nil || dossier.File != "" {
		return nil, MessageGone, nil
	}
	bought := time.UnixMilli(dossier.Reservation.CreatedAt)
	until := bought.Add(messageWait)
	if dossier.Order != nil && !dossier.Order.RecordedAt.IsZero() {
		until = dossier.Order.RecordedAt
	}
	limited, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	id := []byte(`"` + dossier.OrderID + `"`)
	message, found, err := d.queue.FindMessage(limited, string(event.StockReserved), bought.Add(-clockSlack), until.Add(clockSlack),
		messagesMax, func(body []byte) bool { return bytes.Contains(body, id) })
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, "", ctx.Err()
	case errors.Is(err, mq.ErrUnavailable), limited.Err() != nil:
		return nil, MessageAway, nil
	case err != nil:
		return nil, "", err
	case !found:
		return nil, MessageGone, nil
	}
	return &message, MessageFound, nil
}

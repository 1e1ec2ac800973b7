package inquiry

import (
	"bytes"
	"context"
	"errors"
	"slices"
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
	sent := messages{purchase: message}
	if state != MessageAway {
		if sent.outcomes, err = d.findOutcomes(ctx, dossier); err != nil {
			return History{}, err
		}
	}
	return History{orderID, dossier.timeline(sent, now), state}, nil
}

// findOutcomes looks for the messages that said how an order ended, around the times when it became paid and cancelled. They
// name the process that decided it, which its row does not: a column would cost each purchase something.
func (d *Desk) findOutcomes(ctx context.Context, dossier Dossier) (found []*mq.Stored, err error) {
	if dossier.Order == nil || dossier.File != "" {
		return nil, nil
	}
	for _, at := range []time.Time{dossier.paidBefore(), dossier.Order.SettledAt} {
		if at.IsZero() {
			continue
		}
		message, _, err := d.find(ctx, string(event.OrderSettled), dossier.OrderID, at, at.Add(messageWait))
		if err != nil {
			return nil, err
		}
		if message != nil && !slices.ContainsFunc(found, func(m *mq.Stored) bool { return m.MessageID == message.MessageID }) {
			found = append(found, message)
		}
	}
	return found, nil
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
	return d.find(ctx, string(event.StockReserved), dossier.OrderID, bought, until)
}

// find looks for the first message of a topic about an order in a time; nil without one.
func (d *Desk) find(ctx context.Context, topic, orderID string, from, until time.Time) (*mq.Stored, MessageState, error) {
	limited, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	id := []byte(`"` + orderID + `"`)
	message, found, err := d.queue.FindMessage(limited, topic, from.Add(-clockSlack), until.Add(clockSlack),
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

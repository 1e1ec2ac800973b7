package doctor

import (
	"context"
	"time"

	"boxoffice/common/sentence"
	"boxoffice/order"
)

// knownTickets is what the service of tickets has of some orders, and when it was asked. Orders that are read afterwards are
// not behind it: tickets are made of orders that are paid.
type knownTickets struct {
	at      time.Time // zero: the office has no tickets
	letting map[string]bool
}

func readTickets(ctx context.Context, o Office, orderIDs []string) (knownTickets, error) {
	if o.Tickets == nil {
		return knownTickets{}, nil
	}
	at := o.Now()
	letting, err := o.Tickets.Known(ctx, orderIDs...)
	return knownTickets{at, letting}, err
}

// examine compares an order with its tickets, whose message may have been on its way for a moment. settledAt is when the order
// became final. A reservation that is published again has its order say once more what it has become, and the tickets follow.
func (k knownTickets) examine(r *Report, bought order.Order, settledAt time.Time) {
	if k.at.IsZero() {
		return
	}
	letsIn, known := k.letting[bought.ID]
	age := k.at.Sub(settledAt)
	missing, unpaid := Trouble{Kind: MissingTickets, ID: bought.ID}, Trouble{Kind: UnpaidTickets, ID: bought.ID}
	switch {
	case bought.State == order.Paid && !known && age > inFlight:
		r.add(missing.publishesAgain(bought.ID).tells(
			sentence.New("paid_without_tickets", "the order has been paid for {age}, and has no tickets", "age", round(age))))
	case bought.State == order.Paid && known && !letsIn:
		r.add(missing.tells(sentence.New("paid_with_void_tickets", "the order is paid, and its tickets are void")))
	case bought.State == order.Cancelled && letsIn && age > inFlight:
		r.add(unpaid.publishesAgain(bought.ID).tells(
			sentence.New("cancelled_with_tickets", "the order was cancelled {age} ago, and its tickets are valid", "age", round(age))))
	case bought.State == order.PendingPayment && letsIn:
		r.add(unpaid.tells(sentence.New("pending_with_tickets", "the order is not paid, and has tickets")))
	}
}

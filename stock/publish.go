package stock

import (
	"context"
	"errors"
	"slices"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// Publisher sends reservations to the order service again, each as it stands, where its order is missing or disagrees.
type Publisher struct {
	stock  *Stock
	sender *mq.Sender
}

// NewPublisher returns a publisher of s that sends through sender.
func NewPublisher(s *Stock, sender *mq.Sender) *Publisher {
	return &Publisher{stock: s, sender: sender}
}

// Settle handles order-settled as Stock.Settle does. An order that was paid although its tickets had gone back is
// published as released, so that it is cancelled and its money goes back. It returns nil only when that is stored.
func (p *Publisher) Settle(ctx context.Context, e event.Settled) error {
	released, err := p.stock.Settle(ctx, e)
	if len(released) > 0 {
		_, publishErr := p.Publish(ctx, released)
		err = errors.Join(err, publishErr)
	}
	return err
}

// Publish publishes the reservations of these orders again now, each as it stands, and returns the ids of those that it
// published: the order service creates, pays, cancels or settles each, and what is done already stays as it is. Only
// from a held reservation it makes an order that can be paid.
func (p *Publisher) Publish(ctx context.Context, orderIDs []string) (published []string, err error) {
	for ids := range slices.Chunk(orderIDs, sweepOrders) {
		reservations, err := p.stock.ReservationsOf(ctx, ids...)
		if err != nil {
			return published, err
		}
		var found []string
		var reserved event.Reserved
		for _, id := range ids {
			r, exists := reservations[id]
			if !exists {
				continue
			}
			found = append(found, id)
			switch r.State {
			case Held:
				reserved.Orders = append(reserved.Orders, r.Order)
			case Released:
				reserved.Released = append(reserved.Released, r.Order)
			case Sold:
				reserved.Sold = append(reserved.Sold, r.Order)
			}
		}
		if len(found) == 0 {
			continue
		}
		if err := mq.Send(ctx, p.sender, event.StockReserved, found[0], reserved); err != nil {
			return published, Unavailable("publish reservations", err)
		}
		published = append(published, found...)
	}
	return published, nil
}

package stock

import (
	"context"
	"errors"
	"slices"

	"boxoffice/common/event"
	"boxoffice/common/failpoint"
	"boxoffice/common/mq"
)

// Republisher sends reservations to the order service again, each as it stands, where its order is missing or disagrees.
type Republisher struct {
	stock  *Stock
	sender *mq.Sender
}

// NewRepublisher returns a publisher of s that sends through sender.
func NewRepublisher(s *Stock, sender *mq.Sender) *Republisher {
	return &Republisher{stock: s, sender: sender}
}

// HandleSettled handles order-settled as Stock.Settle does. An order that was paid although its tickets had gone back is
// published as released, so that it is cancelled and its money goes back. It returns nil only when that is stored.
func (p *Republisher) HandleSettled(ctx context.Context, e event.Settled) error {
	released, err := p.stock.Settle(ctx, e)
	if len(released) > 0 {
		_, publishErr := p.publish(ctx, released, asAnswer)
		err = errors.Join(err, publishErr)
	}
	return err
}

// asAnswer publishes a reservation to an order that says that it is paid. If it was sold under LateRevive the order may
// have been revived, of which this database, from a backup, need not know: the order is told all the same.
func asAnswer(reserved *event.Reserved, r Reservation) {
	if r.State == Released && r.LatePayment == event.LateRevive {
		r.LatePayment = event.LateRevived
	}
	asItStands(reserved, r)
}

// HandleWanted handles tickets-wanted: it takes the tickets of orders again that were cancelled as unpaid and for which money has
// come, and publishes what became of each. Those whose tickets are not to be had are refused. It may be called any number
// of times, at once and in any process; the tickets of an order are taken again once. It returns nil only when the answers
// are stored.
func (p *Republisher) HandleWanted(ctx context.Context, wanted event.Wanted) error {
	for ids := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(wanted.OrderIDs))), publishOrders) {
		var had, refused []string
		for _, id := range ids {
			ok, err := p.stock.takeAgain(ctx, id)
			switch {
			case err != nil:
				return err
			case ok:
				had = append(had, id)
			default:
				refused = append(refused, id)
			}
		}
		failpoint.Hit("revive.taken")
		if _, err := p.Publish(ctx, had); err != nil {
			return err
		}
		if len(refused) == 0 {
			continue
		}
		if err := mq.Send(ctx, p.sender, event.StockReserved, refused[0], event.Reserved{Refused: refused}); err != nil {
			return Unavailable("refuse tickets", err)
		}
	}
	return nil
}

// Publish publishes the reservations of these orders again now, each as it stands, and returns the ids of those that it
// published: the order service creates, pays, cancels or settles each, and what is done already stays as it is. Only
// from a held reservation it makes an order that can be paid.
func (p *Republisher) Publish(ctx context.Context, orderIDs []string) (published []string, err error) {
	return p.publish(ctx, orderIDs, asItStands)
}

func (p *Republisher) publish(ctx context.Context, orderIDs []string, add func(*event.Reserved, Reservation)) (published []string, err error) {
	for ids := range slices.Chunk(orderIDs, publishOrders) {
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
			add(&reserved, r)
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

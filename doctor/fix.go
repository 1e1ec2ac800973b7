package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock"
)

// Fix applies the remedies of a report and lists in Fixed what it has done. Everything that it sends may come twice, so
// it may be run again, and beside a running office. A trouble is over when the services have handled what was sent. Fix
// returns the number of troubles that it has no remedy for.
func Fix(ctx context.Context, o Office, r *Report) (left int, err error) {
	if o.Bus == nil || o.Sender == nil {
		return 0, errors.New("fix: the message queue is needed")
	}
	all := remedy{dead: r.dead}
	for _, some := range r.remedies {
		all.add(some)
	}
	return r.withoutRemedy, all.apply(ctx, o, r)
}

// apply does what is to be done, and lists it in r. What comes twice is done once.
func (m remedy) apply(ctx context.Context, o Office, r *Report) error {
	slices.Sort(m.republish)
	if err := republish(ctx, o, r, slices.Compact(m.republish)); err != nil {
		return fmt.Errorf("fix: %w", err)
	}
	slices.Sort(m.wanted)
	if err := askAgain(ctx, o, r, slices.Compact(m.wanted)); err != nil {
		return fmt.Errorf("fix: %w", err)
	}
	if err := sendMailsAgain(ctx, o, r, m.mails); err != nil {
		return fmt.Errorf("fix: %w", err)
	}
	for _, dead := range m.dead {
		if err := fixDead(ctx, o, r, dead); err != nil {
			return fmt.Errorf("fix: %w", err)
		}
	}
	return nil
}

// republish publishes the reservations of these orders again, as they stand now. An order of a half message that was
// rolled back has none.
func republish(ctx context.Context, o Office, r *Report, ids []string) error {
	published, err := stock.NewPublisher(o.Stock, o.Sender).Publish(ctx, ids)
	for _, id := range published {
		r.Fixed = append(r.Fixed, "published the reservation of order "+id+" again")
	}
	return err
}

// askAgain asks stock for the tickets of these orders, for which money waits.
func askAgain(ctx context.Context, o Office, r *Report, ids []string) error {
	for some := range slices.Chunk(ids, pageSize) {
		if err := mq.Send(ctx, o.Sender, event.TicketsWanted, some[0], event.Wanted{OrderIDs: some}); err != nil {
			return err
		}
		for _, id := range some {
			r.Fixed = append(r.Fixed, "asked for the tickets of order "+id+" again")
		}
	}
	return nil
}

// fixDead goes through as many dead messages as there were when they were counted, a page at a time: one that fails at
// once is a dead letter again, and must not come round for ever.
func fixDead(ctx context.Context, o Office, r *Report, dead deadMessages) error {
	for left := dead.count; ; {
		if err := fixPage(ctx, o, r, dead); err != nil {
			return err
		}
		if left -= int64(len(dead.List)); left <= 0 || len(dead.List) == 0 {
			return nil
		}
		if err := dead.read(ctx, o, maxDead); err != nil {
			return err
		}
	}
}

// fixPage deals with the dead messages that were read, and marks them as reviewed once all are sent again; a stop in
// between sends some of them twice. A message that says that tickets are reserved may be out of date, because they are
// sold by now or their order is archived: in place of it the reservations are published as they stand.
func fixPage(ctx context.Context, o Office, r *Report, dead deadMessages) error {
	for _, m := range dead.List {
		orders, err := ordersOf(m)
		switch {
		case err != nil:
			r.Fixed = append(r.Fixed, fmt.Sprintf("put aside message %s, which nothing can handle", m.MessageID))
		case dead.kind == DeadLetter && m.Topic != string(event.StockReserved):
			if err := mq.Resend(ctx, o.Sender, m); err != nil {
				return err
			}
			r.Fixed = append(r.Fixed, fmt.Sprintf("sent dead letter %s to topic %s again", m.MessageID, m.Topic))
		default:
			if err := republish(ctx, o, r, orders); err != nil {
				return err
			}
			r.Fixed = append(r.Fixed, fmt.Sprintf("put aside message %s, in place of which its reservations are published", m.MessageID))
		}
	}
	return o.Bus.MarkReviewed(ctx, dead.DeadMessages)
}

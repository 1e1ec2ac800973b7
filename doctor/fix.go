package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"boxoffice/common/audit"
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
	return r.withoutRemedy, (&mender{Office: o, done: r}).apply(ctx, all)
}

// mender does what is to be done about troubles. Where an operator has it done, each order says so: the act itself stands once,
// for a kind of troubles or for all dead letters, and whoever explains an order would not find it.
type mender struct {
	Office
	done    *Report // lists in Fixed what was done
	act     audit.Act
	subject string // for which the act itself stands
	kind    Kind   // of the troubles
}

// record says of orders that an operator is having something done about them; before it is done, as the act itself.
func (m *mender) record(ctx context.Context, orderIDs []string) error {
	ids := slices.Compact(slices.Sorted(slices.Values(orderIDs)))
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == m.subject })
	return m.Orders.RecordActs(ctx, m.act, audit.Entry{What: audit.MendOne, After: map[string]any{"finding": string(m.kind)}}, ids...)
}

// apply does what is to be done. What comes twice is done once.
func (m *mender) apply(ctx context.Context, all remedy) error {
	slices.Sort(all.republish)
	for some := range slices.Chunk(slices.Compact(all.republish), pageSize) {
		if err := m.republish(ctx, some); err != nil {
			return fmt.Errorf("fix: %w", err)
		}
	}
	slices.Sort(all.wanted)
	for some := range slices.Chunk(slices.Compact(all.wanted), pageSize) {
		if err := m.askAgain(ctx, some); err != nil {
			return fmt.Errorf("fix: %w", err)
		}
	}
	if err := m.sendMailsAgain(ctx, all.mails); err != nil {
		return fmt.Errorf("fix: %w", err)
	}
	for _, dead := range all.dead {
		if err := m.fixDead(ctx, dead); err != nil {
			return fmt.Errorf("fix: %w", err)
		}
	}
	return nil
}

// republish publishes the reservations of these orders again.
func (m *mender) republish(ctx context.Context, ids []string) error {
	if err := m.record(ctx, ids); err != nil {
		return err
	}
	return m.publish(ctx, ids)
}

// publish publishes reservations as they stand now. An order of a half message that was rolled back has none.
func (m *mender) publish(ctx context.Context, ids []string) error {
	published, err := stock.NewRepublisher(m.Stock, m.Sender).Publish(ctx, ids)
	for _, id := range published {
		m.done.Fixed = append(m.done.Fixed, "published the reservation of order "+id+" again")
	}
	return err
}

// askAgain asks stock for the tickets of these orders, for which money waits.
func (m *mender) askAgain(ctx context.Context, ids []string) error {
	if err := m.record(ctx, ids); err != nil {
		return err
	}
	if err := mq.Send(ctx, m.Sender, event.TicketsWanted, ids[0], event.Wanted{OrderIDs: ids}); err != nil {
		return err
	}
	for _, id := range ids {
		m.done.Fixed = append(m.done.Fixed, "asked for the tickets of order "+id+" again")
	}
	return nil
}

// sendMailsAgain has these mails and SMS tried again, each of which says so.
func (m *mender) sendMailsAgain(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	due, err := m.Mails.RetryAll(ctx, ids, m.act)
	for _, id := range due {
		m.done.Fixed = append(m.done.Fixed, "has "+id+" sent again")
	}
	return err
}

// fixDead goes through as many dead messages as there were when they were counted, a page at a time: one that fails at
// once is a dead letter again, and must not come round for ever.
func (m *mender) fixDead(ctx context.Context, dead deadMessages) error {
	for left := dead.count; ; {
		if err := m.recordDead(ctx, dead); err != nil {
			return err
		}
		if err := m.fixPage(ctx, dead); err != nil {
			return err
		}
		if left -= int64(len(dead.List)); left <= 0 || len(dead.List) == 0 {
			return nil
		}
		if err := dead.read(ctx, m.Office, maxDead); err != nil {
			return err
		}
	}
}

// recordDead records the orders of the dead messages that were read.
func (m *mender) recordDead(ctx context.Context, dead deadMessages) error {
	var ids []string
	for _, message := range dead.List {
		if orders, err := ordersOf(message); err == nil {
			ids = append(ids, orders...)
		}
	}
	of := *m
	of.kind = dead.kind
	return of.record(ctx, ids)
}

// fixPage deals with the dead messages that were read, and marks them as reviewed once all are sent again; a stop in
// between sends some of them twice. A message that says that tickets are reserved may be out of date, because they are
// sold by now or their order is archived: in place of it the reservations are published as they stand.
func (m *mender) fixPage(ctx context.Context, dead deadMessages) error {
	for _, message := range dead.List {
		orders, err := ordersOf(message)
		var done string
		switch {
		case err != nil:
			done = fmt.Sprintf("put aside message %s, which nothing can handle", message.MessageID)
		case dead.kind == DeadLetter && message.Topic != string(event.StockReserved):
			if err := mq.Resend(ctx, m.Sender, message); err != nil {
				return err
			}
			done = fmt.Sprintf("sent dead letter %s to topic %s again", message.MessageID, message.Topic)
		default:
			if err := m.publish(ctx, orders); err != nil {
				return err
			}
			done = fmt.Sprintf("put aside message %s, in place of which its reservations are published", message.MessageID)
		}
		m.done.Fixed = append(m.done.Fixed, done)
	}
	return m.Bus.MarkReviewed(ctx, dead.DeadMessages)
}

package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// maxDead is how many dead messages are read at once of each consumer group, and of the half messages.
const maxDead = 1000

// examineQueue reads how many messages wait, and lists the dead ones.
func examineQueue(ctx context.Context, o Office, r *Report) error {
	if o.BusErr != nil {
		r.add(Trouble{Kind: QueueAway, ID: "queue", Detail: o.BusErr.Error()})
	}
	if o.Bus == nil {
		return nil
	}
	err := examineDepths(ctx, o, r)
	if errors.Is(err, mq.ErrUnavailable) {
		r.Queue = nil
		r.add(Trouble{Kind: QueueAway, ID: "queue", Detail: err.Error()})
		return nil
	}
	return err
}

// examineDepths asks the brokers. It leaves their errors to examineQueue.
func examineDepths(ctx context.Context, o Office, r *Report) error {
	subscriptions := event.Subscriptions(o.Further...)
	depths, err := o.Bus.Inspect(ctx, subscriptions...)
	if err != nil {
		return err
	}
	r.Queue = &Queue{
		Lags: []Lag{}, DeadLetters: depths.DeadLetters, HalvesInDoubt: depths.HalvesInDoubt, HalvesExhausted: depths.HalvesExhausted,
	}
	for sub, n := range depths.Lag {
		r.Queue.Lags = append(r.Queue.Lags, Lag{sub.Group, sub.Topic, n})
	}
	slices.SortFunc(r.Queue.Lags, func(a, b Lag) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Topic, b.Topic))
	})
	all, err := readDead(ctx, o, depths, maxDead)
	for _, dead := range all {
		r.addDead(dead)
	}
	return err
}

// readDead reads the dead letters of every consumer group and the exhausted half messages, up to limit of each.
func readDead(ctx context.Context, o Office, depths mq.Depths, limit int) ([]deadMessages, error) {
	var all []deadMessages
	for _, sub := range event.Subscriptions(o.Further...) {
		all = append(all, deadMessages{kind: DeadLetter, group: sub.Group, count: depths.DeadLetters[sub.Group]})
	}
	all = append(all, deadMessages{kind: ExhaustedHalf, count: depths.HalvesExhausted})
	for i := range all {
		if err := all[i].read(ctx, o, limit); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// read reads those of the messages that come first, or next once the ones before are reviewed.
func (d *deadMessages) read(ctx context.Context, o Office, limit int) (err error) {
	if d.kind == DeadLetter {
		d.DeadMessages, err = o.Bus.DeadLetters(ctx, d.group, limit)
	} else {
		d.DeadMessages, err = o.Bus.ExhaustedHalves(ctx, string(event.StockReserved), limit)
	}
	return err
}

// addDead adds a trouble for each dead message, with the orders that it is about.
func (r *Report) addDead(dead deadMessages) {
	r.dead = append(r.dead, dead)
	for _, m := range dead.List {
		stored := m.StoredAt.UTC().Format("2006-01-02T15:04:05Z")
		t := Trouble{Kind: dead.kind, ID: m.MessageID, Detail: fmt.Sprintf("topic %s, stored %s, ", m.Topic, stored)}
		if dead.group != "" {
			t.Detail = "group " + dead.group + ", " + t.Detail
		}
		orders, err := ordersOf(m)
		switch {
		case err != nil:
			t.Detail += fmt.Sprintf("unreadable (%v): %.200q", err, m.Body)
			t.Remedy = "put it aside"
		case dead.kind == ExhaustedHalf:
			t.Detail += "orders " + abbreviate(orders)
			t.Remedy = "publish its reservations again"
		default:
			t.Detail += "orders " + abbreviate(orders)
			t.Remedy = "send it again"
		}
		r.add(t)
	}
}

// ordersOf returns the ids of the orders that a message is about.
func ordersOf(dead mq.DeadMessage) ([]string, error) {
	var ids []string
	switch dead.Topic {
	case string(event.StockReserved):
		m, err := event.StockReserved.Decode(dead.Body)
		if err != nil {
			return nil, err
		}
		for _, o := range slices.Concat(m.Orders, m.Released, m.Sold, m.Revived) {
			ids = append(ids, o.ID)
		}
		ids = append(ids, m.Refused...)
	case string(event.PaymentDue):
		m, err := event.PaymentDue.Decode(dead.Body)
		if err != nil {
			return nil, err
		}
		ids = m.OrderIDs
	case string(event.TicketsWanted):
		m, err := event.TicketsWanted.Decode(dead.Body)
		if err != nil {
			return nil, err
		}
		ids = m.OrderIDs
	case string(event.OrderSettled):
		m, err := event.OrderSettled.Decode(dead.Body)
		if err != nil {
			return nil, err
		}
		for _, o := range m.Orders {
			ids = append(ids, o.OrderID)
		}
	default:
		return nil, fmt.Errorf("topic %q is none of this office", dead.Topic)
	}
	if len(ids) == 0 {
		return nil, errors.New("it names no order")
	}
	return ids, nil
}

// abbreviate lists the first few ids, and how many more there are.
func abbreviate(ids []string) string {
	const shown = 5
	if len(ids) <= shown {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:shown], ", "), len(ids)-shown)
}

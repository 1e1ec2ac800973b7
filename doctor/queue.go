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
	"boxoffice/common/sentence"
)

// maxDead is how many dead messages are read at once of each consumer group, and of the half messages.
const maxDead = 1000

// examineQueue reads how many messages wait, and lists the dead ones.
func examineQueue(ctx context.Context, o Office, r *Report) error {
	if o.BusErr != nil {
		r.add(queueTrouble(o.BusErr))
	}
	if o.Bus == nil {
		return nil
	}
	err := examineDepths(ctx, o, r)
	if errors.Is(err, mq.ErrUnavailable) {
		r.Queue = nil
		r.add(queueTrouble(err))
		return nil
	}
	return err
}

func queueTrouble(err error) Trouble {
	return Trouble{Kind: QueueAway, ID: "queue"}.tells(sentence.New("queue_error", "{error}",
		"error", sentence.Word{Kind: "error", Value: err.Error()}))
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
		t := Trouble{Kind: dead.kind, ID: m.MessageID}
		if dead.group != "" {
			t = t.tells(sentence.New("dead_of_group", "group {group}", "group", dead.group))
		}
		t = t.tells(sentence.New("dead_message", "topic {topic}, stored {at}", "topic", m.Topic, "at", m.StoredAt))
		orders, err := ordersOf(m)
		switch {
		case err != nil:
			t = t.tells(sentence.New("dead_unreadable", "unreadable ({error}): {body}",
				"error", sentence.Word{Kind: "error", Value: err.Error()}, "body", fmt.Sprintf("%.200q", m.Body)))
			t = t.mends(sentence.New("put_aside", "put it aside"), remedy{})
		case dead.kind == ExhaustedHalf:
			t = t.tells(aboutOrders(orders)).mends(sentence.New("publish_all_again", "publish its reservations again"), remedy{})
		default:
			t = t.tells(aboutOrders(orders)).mends(sentence.New("send_again", "send it again"), remedy{})
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
	case string(event.RefundSent):
		m, err := event.RefundSent.Decode(dead.Body)
		if err != nil {
			return nil, err
		}
		for _, r := range m.Refunds {
			ids = append(ids, r.OrderID)
		}
	default:
		return nil, fmt.Errorf("topic %q is none of this office", dead.Topic)
	}
	if len(ids) == 0 {
		return nil, errors.New("it names no order")
	}
	return ids, nil
}

// aboutOrders lists the first few ids, and how many more there are.
func aboutOrders(ids []string) sentence.Sentence {
	const shown = 5
	if len(ids) <= shown {
		return sentence.New("about_orders", "orders {orders}", "orders", strings.Join(ids, ", "))
	}
	return sentence.New("about_more_orders", "orders {orders} and {count} more", "orders", strings.Join(ids[:shown], ", "),
		"count", len(ids)-shown)
}

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

// letters are what one group, or the half topic, has given up.
type letters struct {
	kind  Kind
	group string // of dead letters
	count int64  // of all that there are, also of those that were not read
	mq.Letters
}

// more reads those that follow, once the ones before are reviewed.
func (l letters) more(ctx context.Context, o Office) (mq.Letters, error) {
	if l.kind == DeadLetter {
		return o.Bus.DeadLetters(ctx, l.group, lettersMax)
	}
	return o.Bus.ExhaustedHalves(ctx, string(event.StockReserved), lettersMax)
}

func examineQueue(ctx context.Context, o Office, r *Report) error {
	if o.Away != nil {
		r.add(Trouble{Kind: QueueAway, ID: "queue", Detail: o.Away.Error()})
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

func examineDepths(ctx context.Context, o Office, r *Report) error {
	depths, err := o.Bus.Inspect(ctx, event.Subscriptions()...)
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
	for _, sub := range event.Subscriptions() {
		found, err := o.Bus.DeadLetters(ctx, sub.Group, lettersMax)
		if err != nil {
			return err
		}
		r.addLetters(DeadLetter, sub.Group, depths.DeadLetters[sub.Group], found)
	}
	found, err := o.Bus.ExhaustedHalves(ctx, string(event.StockReserved), lettersMax)
	if err != nil {
		return err
	}
	r.addLetters(ExhaustedHalf, "", depths.HalvesExhausted, found)
	return nil
}

func (r *Report) addLetters(kind Kind, group string, count int64, found mq.Letters) {
	r.letters = append(r.letters, letters{kind, group, count, found})
	for _, l := range found.List {
		t := Trouble{Kind: kind, ID: l.MessageID, Detail: fmt.Sprintf("topic %s, stored %s, ", l.Topic, l.StoredAt.UTC().Format("2006-01-02T15:04:05Z"))}
		if group != "" {
			t.Detail = "group " + group + ", " + t.Detail
		}
		orders, err := ordersOf(l)
		switch {
		case err != nil:
			t.Detail += fmt.Sprintf("unreadable (%v): %.200q", err, l.Body)
			t.Remedy = "put it aside"
		case kind == ExhaustedHalf:
			t.Detail += "orders " + few(orders)
			t.Remedy = "publish its reservations again"
		default:
			t.Detail += "orders " + few(orders)
			t.Remedy = "send it again"
		}
		r.add(t)
	}
}

// ordersOf reads whose orders a message is about.
func ordersOf(l mq.Letter) ([]string, error) {
	var ids []string
	switch l.Topic {
	case string(event.StockReserved):
		m, err := event.StockReserved.Decode(l.Body)
		if err != nil {
			return nil, err
		}
		for _, o := range slices.Concat(m.Orders, m.Released, m.Sold) {
			ids = append(ids, o.ID)
		}
	case string(event.PaymentDue):
		m, err := event.PaymentDue.Decode(l.Body)
		if err != nil {
			return nil, err
		}
		ids = m.OrderIDs
	case string(event.OrderSettled):
		m, err := event.OrderSettled.Decode(l.Body)
		if err != nil {
			return nil, err
		}
		for _, o := range m.Orders {
			ids = append(ids, o.OrderID)
		}
	default:
		return nil, fmt.Errorf("topic %q is none of this office", l.Topic)
	}
	if len(ids) == 0 {
		return nil, errors.New("it names no order")
	}
	return ids, nil
}

func few(ids []string) string {
	const shown = 5
	if len(ids) <= shown {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:shown], ", "), len(ids)-shown)
}

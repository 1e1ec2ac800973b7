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

// Treat re-drives what the report found and notes in Treated what it did. Everything that it sends may come twice, so it
// may be run again, and beside a running office. What it sends heals when the services have handled it. It returns the
// number of troubles that it has no remedy for.
func Treat(ctx context.Context, o Office, r *Report) (left int, err error) {
	if o.Bus == nil || o.Sender == nil {
		return 0, errors.New("treat: the message queue is needed")
	}
	slices.Sort(r.again)
	if err := publish(ctx, o, r, slices.Compact(r.again)); err != nil {
		return 0, fmt.Errorf("treat: %w", err)
	}
	for _, l := range r.letters {
		if err := treatLetters(ctx, o, r, l); err != nil {
			return 0, fmt.Errorf("treat: %w", err)
		}
	}
	return r.open, nil
}

// publish publishes the reservations of these orders, as far as they are held. Those of a half message that was rolled
// back are not there.
func publish(ctx context.Context, o Office, r *Report, ids []string) error {
	published, err := stock.NewPublisher(o.Stock, o.Sender).Publish(ctx, ids)
	for _, id := range published {
		r.Treated = append(r.Treated, "published the reservation of order "+id+" again")
	}
	return err
}

// treatLetters goes through all letters that there were when they were counted, a page at a time: one that fails at once
// is a dead letter again, and must not come round for ever.
func treatLetters(ctx context.Context, o Office, r *Report, l letters) error {
	for left := l.count; ; {
		if err := treatPage(ctx, o, r, l); err != nil {
			return err
		}
		if left -= int64(len(l.List)); left <= 0 || len(l.List) == 0 {
			return nil
		}
		var err error
		if l.Letters, err = l.more(ctx, o); err != nil {
			return err
		}
	}
}

// treatPage confirms the letters only when all of them are sent again; a stop in between sends some of them twice. What
// said that tickets are reserved may be long past, and they are sold or their order is archived: in place of that the
// reservations are published as they stand.
func treatPage(ctx context.Context, o Office, r *Report, l letters) error {
	for _, letter := range l.List {
		orders, err := ordersOf(letter)
		switch {
		case err != nil:
			r.Treated = append(r.Treated, fmt.Sprintf("put aside message %s, which nothing can handle", letter.MessageID))
		case l.kind == DeadLetter && letter.Topic != string(event.StockReserved):
			if err := mq.Resend(ctx, o.Sender, letter); err != nil {
				return err
			}
			r.Treated = append(r.Treated, fmt.Sprintf("sent dead letter %s to topic %s again", letter.MessageID, letter.Topic))
		default:
			if err := publish(ctx, o, r, orders); err != nil {
				return err
			}
			r.Treated = append(r.Treated, fmt.Sprintf("put aside message %s, in place of which its reservations are published", letter.MessageID))
		}
	}
	return o.Bus.Reviewed(ctx, l.Letters)
}

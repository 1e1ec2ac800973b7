package app

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/common/db"
	"boxoffice/common/mq"
	"boxoffice/notify"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/stock"
)

// newQueueGauges shows how deep the queues of every consumer group are, as the brokers say.
func newQueueGauges(bus *mq.Bus, subscriptions []mq.Subscription) *polledGauges {
	return newPolledGauges("queue", []gauge{
		{"boxoffice_topic_messages", "Messages ever stored on a topic.", []string{"topic"}, nil},
		{"boxoffice_consumer_lag", "Messages of a topic that a consumer group has not confirmed.", []string{"group", "topic"}, nil},
		{"boxoffice_dead_letters", "Messages that a consumer group gave up and nobody has reviewed.", []string{"group"}, nil},
		{"boxoffice_half_messages_in_doubt", "Half messages of the cluster that wait for commit or rollback, at most.", nil, nil},
		{"boxoffice_half_messages_exhausted", "Half messages of the cluster given up after the last check-back and not reviewed.", nil, nil},
	}, func(ctx context.Context, set setGauge) error {
		depths, err := bus.Inspect(ctx, subscriptions...)
		if err != nil {
			return err
		}
		for topic, n := range depths.Stored {
			set("boxoffice_topic_messages", float64(n), topic)
		}
		for sub, n := range depths.Lag {
			set("boxoffice_consumer_lag", float64(n), sub.Group, sub.Topic)
		}
		for group, n := range depths.DeadLetters {
			set("boxoffice_dead_letters", float64(n), group)
		}
		set("boxoffice_half_messages_in_doubt", float64(depths.HalvesInDoubt))
		set("boxoffice_half_messages_exhausted", float64(depths.HalvesExhausted))
		return nil
	})
}

// newStockGauges shows the totals of the stock database.
func newStockGauges(s *stock.Stock, d *db.DB, now func() time.Time) *polledGauges {
	return newPolledGauges("stock", []gauge{
		{"boxoffice_tickets", "Tickets of all screenings by where they are.", []string{"state"}, nil},
		{"boxoffice_reservations_stale", "Reservations still held long after their deadline.", nil, nil},
		{"boxoffice_cancellation_tickets_left", "Tickets of cancelled screenings whose orders have not ended yet.", nil, nil},
		{"boxoffice_cancellation_open_seconds", "For how long the oldest cancellation of a screening is open; 0 when none is.", nil, nil},
		clockSkewGauge("stock"),
	}, func(ctx context.Context, set setGauge) error {
		totals, err := s.Totals(ctx)
		if err == nil {
			set("boxoffice_tickets", float64(totals.Available), "available")
			set("boxoffice_tickets", float64(totals.Reserved), "reserved")
			set("boxoffice_tickets", float64(totals.Sold), "sold")
			set("boxoffice_reservations_stale", float64(totals.Stale))
			set("boxoffice_cancellation_tickets_left", float64(totals.CancelledLeft))
			set("boxoffice_cancellation_open_seconds", totals.CancelledSince.Seconds())
		}
		return errors.Join(err, setClockSkew(ctx, set, d, now))
	})
}

// newOrderGauges shows the totals of the order database, of payments too.
func newOrderGauges(o *order.Orders, p *payment.Service, d *db.DB, now func() time.Time) *polledGauges {
	return newPolledGauges("order", []gauge{
		{"boxoffice_payments_parked", "Payments that wait for their order, or for its tickets.", nil, nil},
		{"boxoffice_payments_mismatched", "Payments of a wrong amount or currency, ever.", nil, nil},
		{"boxoffice_payments_reused", "Payments that came with the id of another one, and that nobody has settled.", nil, nil},
		{"boxoffice_payments_unanswered", "Payments of which their provider does not say how they stand, after their orders have ended.", nil, nil},
		{"boxoffice_refunds_due", "Refunds whose money is not back yet.", nil, nil},
		{"boxoffice_refunds_attention", "Refunds that need a person.", nil, nil},
		clockSkewGauge("order"),
	}, func(ctx context.Context, set setGauge) error {
		totals, err := o.Totals(ctx)
		if err == nil {
			set("boxoffice_payments_parked", float64(totals.Parked))
			set("boxoffice_payments_mismatched", float64(totals.Mismatched))
			set("boxoffice_payments_reused", float64(totals.Reused))
			set("boxoffice_refunds_due", float64(totals.RefundsDue))
			set("boxoffice_refunds_attention", float64(totals.Attention))
		}
		unanswered, askErr := p.Unanswered(ctx)
		if askErr == nil {
			attempts := 0
			for _, u := range unanswered {
				attempts += u.Attempts
			}
			set("boxoffice_payments_unanswered", float64(attempts))
		}
		return errors.Join(err, askErr, setClockSkew(ctx, set, d, now))
	})
}

// newNotifyGauges shows what of mail and SMS is not at its end.
func newNotifyGauges(n *notify.Service, channels []notify.Channel, now func() time.Time) *polledGauges {
	return newPolledGauges("notify", []gauge{
		{"boxoffice_notifications", "Mails and SMS that are due, or were given up.", []string{"channel", "state"}, nil},
		{"boxoffice_notifications_oldest_due_seconds", "Age of the oldest mail or SMS that is due.", []string{"channel"}, nil},
	}, func(ctx context.Context, set setGauge) error {
		counts, err := n.Count(ctx)
		if err != nil {
			return err
		}
		for _, channel := range channels {
			c, age := counts[channel], time.Duration(0)
			if !c.OldestDue.IsZero() {
				age = now().Sub(c.OldestDue)
			}
			set("boxoffice_notifications", float64(c.Due), string(channel), string(notify.StateDue))
			set("boxoffice_notifications", float64(c.Dead), string(channel), string(notify.StateDead))
			set("boxoffice_notifications_oldest_due_seconds", age.Seconds(), string(channel))
		}
		return nil
	})
}

// clockSkewGauge compares clocks, because one process writes the deadlines and sale windows that another one judges.
func clockSkewGauge(database string) gauge {
	return gauge{"boxoffice_clock_skew_seconds", "How far this process's clock is ahead of a database's.", nil,
		prometheus.Labels{"database": database}}
}

func setClockSkew(ctx context.Context, set setGauge, d *db.DB, now func() time.Time) error {
	skew, err := d.ClockSkew(ctx, now)
	if err == nil {
		set("boxoffice_clock_skew_seconds", skew.Seconds())
	}
	return err
}

package app

import (
	"context"
	"io/fs"
	"log/slog"

	"boxoffice/app/settings"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/doctor"
	"boxoffice/notify"
	"boxoffice/sql"
	"boxoffice/tickets"
)

// queuePart is what a report calls the message queue.
const queuePart = "queue"

// examination is one run of the doctor with the parts that it needs. Unlike an office it changes nothing by being opened.
type examination struct {
	closers
	config  settings.Config
	office  doctor.Office
	skipped []doctor.Skip // what is not examined
}

// furtherPart is a part that not every office has, with a database and subscriptions of its own.
type furtherPart struct {
	name          string
	dsn, setting  string
	migrations    func() (fs.FS, error)
	subscriptions []mq.Subscription
	use           func(*db.DB)
}

func (e *examination) furtherParts(log *slog.Logger) []furtherPart {
	return []furtherPart{
		{
			name: "tickets", dsn: e.config.TicketsDSN, setting: "BOXOFFICE_TICKETS_DSN", migrations: sql.Tickets,
			subscriptions: []mq.Subscription{event.TicketsSubscription()},
			use: func(d *db.DB) {
				e.office.Tickets = tickets.New(d, tickets.Options{Orders: e.office.Orders, Now: e.office.Now, Log: log})
			},
		},
		{
			name: "mail and SMS", dsn: e.config.Notify.DSN, setting: "BOXOFFICE_NOTIFY_DSN", migrations: sql.Notify,
			subscriptions: event.NotifySubscriptions(),
			use: func(d *db.DB) {
				e.office.Mails = notify.New(d, notify.Options{Orders: e.office.Orders, Now: e.office.Now, Log: log})
			},
		},
	}
}

// missingPart is a part without a database that the doctor could look into.
type missingPart struct {
	furtherPart
	why string
}

// skipMissing says of a part that its database was not seen, if this office has that part: then the queue knows its consumer
// groups, which are examined all the same. An office whose tickets are lost must not be told that all is well.
func (e *examination) skipMissing(ctx context.Context, missing []missingPart) {
	for _, part := range missing {
		if e.office.Bus == nil {
			e.skip(part.name, part.why+"; only the queue could say whether this office has any")
			continue
		}
		known, err := e.knownOf(ctx, part.subscriptions)
		if err != nil {
			e.skip(part.name, part.why+"; whether this office has any is unknown: "+err.Error())
		} else if len(known) > 0 {
			e.skip(part.name, part.why)
		}
		e.office.Further = append(e.office.Further, known...)
	}
}

// knownOf returns the subscriptions whose groups the queue knows.
func (e *examination) knownOf(ctx context.Context, subscriptions []mq.Subscription) (known []mq.Subscription, err error) {
	for _, sub := range subscriptions {
		has, err := e.office.Bus.HasGroup(ctx, sub.Group)
		if err != nil {
			return known, err
		}
		if has {
			known = append(known, sub)
		}
	}
	return known, nil
}

// skip adds what is not examined to the report.
func (e *examination) skip(part, why string) {
	e.skipped = append(e.skipped, doctor.Skip{Part: part, Why: why})
}

// whyNoQueue says why there is no queue, where that is no trouble of the queue's.
func (e *examination) whyNoQueue() string {
	for _, s := range e.skipped {
		if s.Part == queuePart {
			return ": " + s.Why
		}
	}
	return ""
}

package app

import (
	"context"
	"time"

	"boxoffice/app/settings"
	"boxoffice/notify"
	"boxoffice/stock"
)

const (
	notifyPause     = 2 * time.Second // between two looks for what is due
	notifyOrdersMax = 50              // of a buyer's latest orders, of which is told when the buyer says where
)

// openNotify opens mail and SMS: in a process of the role api what buyers and operators ask for, in one of the role notify
// what sends. Nothing of a purchase calls it.
func (o *office) openNotify(ctx context.Context) error {
	if o.notifyDB == nil {
		return nil
	}
	senders, err := notifySenders(o.config, o.now)
	if err != nil {
		return err
	}
	options := notify.Options{
		Orders: o.orders, ScreeningOf: o.toldScreening, OrdersOf: o.latestOrders, PublicURL: o.publicURL, Senders: senders,
		Process: o.process, Now: o.now, Log: o.log.With("part", "notify"),
	}
	if o.tickets != nil { // a nil pointer in the interface would be none
		options.Tickets = o.tickets
	}
	o.notify = notify.New(o.notifyDB, options)
	if o.config.HasRole(settings.RoleNotify) {
		o.goUntilClose(ctx, func(ctx context.Context) { o.notify.SendEvery(ctx, notifyPause) })
		o.purgeEvery(ctx, contactsFirst, options.Log, o.notify.Purge)
	}
	return nil
}

// toldScreening is what a mail says of a screening.
func (o *office) toldScreening(ctx context.Context, id string) (notify.Screening, error) {
	s, err := o.stock.Screening(ctx, id)
	return notify.Screening{ID: s.ID, Movie: s.Movie, Venue: s.Venue, StartsAt: s.StartsAt}, err
}

// latestOrders lists a buyer's latest orders, also those that are bought and not made yet.
func (o *office) latestOrders(ctx context.Context, buyerID string) ([]notify.Purchase, error) {
	found, _, err := o.stock.Reservations(ctx, buyerID, "", notifyOrdersMax)
	all := make([]notify.Purchase, len(found))
	for i, r := range found {
		all[i] = notify.Purchase{Order: r.Order, Held: r.State == stock.Held}
	}
	return all, err
}

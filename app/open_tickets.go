package app

import (
	"context"
	"fmt"

	"boxoffice/app/settings"
	"boxoffice/tickets"
)

// openTickets opens the service of tickets, and in a process of its role what deletes those that nobody needs any more.
func (o *office) openTickets(ctx context.Context) error {
	if o.ticketsDB == nil {
		return nil
	}
	options := tickets.Options{Orders: o.orders, Now: o.now, Log: o.log.With("part", "tickets"), Process: o.process}
	if o.config.HasRole(settings.RoleAPI) || o.config.HasRole(settings.RoleNotify) { // which show codes
		var err error
		if options.Keys, err = tickets.ParseKeys(o.config.TicketKeys); err != nil {
			return fmt.Errorf("%s: one %w", settings.EnvTicketKey, err)
		}
	}
	o.tickets = tickets.New(o.ticketsDB, options)
	if o.config.HasRole(settings.RoleTickets) {
		o.purgeEvery(ctx, 0, options.Log, o.tickets.Purge)
	}
	return nil
}

package app

import (
	"context"
	"os"
	"strings"

	"boxoffice/api"
	"boxoffice/doctor"
	"boxoffice/inquiry"
	"boxoffice/presence"
	"boxoffice/stock"
)

// openOperators enters this process in the register of those that are alive, and opens what is behind the operators' calls.
func (o *office) openOperators(ctx context.Context) error {
	processes := presence.NewRegister(o.stockDB, o.wall, o.log.With("part", "presence"))
	self := presence.Process{
		ID: stock.NewID(o.now()), Host: o.host, PID: os.Getpid(), Roles: strings.Join(o.config.Roles, ","),
		Version: programVersion(), StartedAt: o.wall(),
	}
	o.goUntilClose(ctx, func(ctx context.Context) { processes.Run(ctx, self, o.unwatched("presence", stockProbe)) })
	var told inquiry.Notifications
	var mails doctor.Mails
	if o.notify != nil { // a nil pointer in the interface would be some
		told, mails = o.notify, o.notify
	}
	var letIn inquiry.Tickets
	if o.tickets != nil {
		letIn = o.tickets
	}
	o.desk = inquiry.NewDesk(o.stock, o.orders, o.payments, o.bus, told, letIn)
	o.operators = &api.Operators{
		Desk: o.desk,
		Doctor: doctor.NewService(doctor.Office{
			Stock: o.stock, Orders: o.orders, Payments: o.payments, Tickets: o.tickets, Mails: mails, Bus: o.bus, Sender: o.sender, Now: o.now,
			Further: furtherSubscriptions(o.config),
		}),
		Processes: processes,
	}
	return nil
}

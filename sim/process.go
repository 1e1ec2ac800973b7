package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"boxoffice/archive"
	"boxoffice/cancellation"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/common/officeclock"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/sale"
	"boxoffice/stock"
	"boxoffice/tickets"
)

const (
	payWindow = 15 * time.Minute
	askGrace  = 2 * time.Minute
	batchMax  = 8 // small, so that lists are cut
)

// process is one process of the office with all its roles: the services of the product over connections that may fail.
type process struct {
	world  *world
	office *office
	index  int
	life   int       // how often it was started
	dead   bool      // it reaches nothing any more, and is about to be buried
	began  time.Time // what it does for somebody

	wall     func() time.Time // of its machine
	clock    *officeclock.Clock
	believed time.Duration // by which the database's clock was ahead when this process started
	looks    int           // at that clock
	gate     *gate

	databases  []*db.DB
	stock      *stock.Stock
	orders     *order.Orders
	payments   *payment.Service
	tickets    *tickets.Tickets
	decider    *sale.Decider
	sweeper    *stock.Sweeper
	publisher  *stock.Republisher
	canceller  *cancellation.Worker
	publishing bool // its queued order-settled are about to be sent
}

// gate keeps a local transaction from beginning before its half message is on its way.
type gate struct{ arrived, open chan struct{} }

// reach is where a process turns to anything outside of it: another one may be faster, it may die, or nobody answers.
func (p *process) reach(part string) error {
	if p.dead {
		return ioError{"the process is dead"}
	}
	p.world.interleave()
	switch {
	case p.dead, p.world.roll(crash):
		p.dead = true
		return ioError{"the process died"}
	case p.world.isAway(part):
		return ioError{part + " is away"}
	}
	return nil
}

// waitForHalf lets the local transaction of a purchase begin when the half message's fate is known.
func (p *process) waitForHalf(ctx context.Context, base string) error {
	g := p.gate
	if g == nil || base != stockBase {
		return nil
	}
	close(g.arrived)
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start opens the databases and makes the services, as the program does when it starts.
func (o *office) startProcess(ctx context.Context, index, life int) (*process, error) {
	p := &process{world: o.world, office: o, index: index, life: life}
	p.openClock()
	byBase := map[string]*db.DB{}
	for _, base := range []string{stockBase, orderBase, ticketsBase} {
		d, err := p.openFaulty(ctx, base)
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		byBase[base] = d
		p.databases = append(p.databases, d)
	}
	sure := o.seams.sureOf(p.clock, p.wall)
	log := slog.New(slog.DiscardHandler)
	p.stock = stock.New(byBase[stockBase], stock.Options{Now: p.clock.Now, AskGrace: askGrace, Log: log})
	sender := mq.SenderOver(p.send)
	p.orders = order.New(ctx, byBase[orderBase], sender, order.Options{Now: sure, Log: log, MaxBatch: batchMax, PublishLater: true})
	p.payments = payment.New(byBase[orderBase], payment.Options{
		Orders: o.seams.ordersOf(p.orders), Stock: p.stock, Providers: []payment.Provider{o.seams.providerOf(reached{o.provider, p})},
		Now: sure, Log: log, OneByOne: true, KeepParked: p.keepParked, Lease: payLease, AskGrace: askGrace, ParkedLimit: parkedLimit,
	})
	p.tickets = tickets.New(byBase[ticketsBase], tickets.Options{Orders: p.orders, Now: p.clock.Now, Log: log})
	p.sweeper, p.publisher = stock.NewSweeper(p.stock, sender), stock.NewRepublisher(p.stock, sender)
	p.canceller = cancellation.New(p.stock, p.orders, p.payments.OrdersEnded, nil, log)
	p.decider = sale.NewDecider(p.stock, sale.Options{
		PayWindow: payWindow, MaxBatch: batchMax, Now: o.seams.nowOf(p.clock, p.wall), Log: log, NewID: o.world.newID,
		Ages: func() time.Time { return o.world.now },
		OnHalf: func(int) {
			p.world.interleave()
			p.gate = &gate{make(chan struct{}), make(chan struct{})}
		},
	}, p.sendHalf)
	return p, nil
}

// close ends what runs in the background. A dead process has nothing to say any more.
func (p *process) close() error {
	if p.payments != nil {
		p.payments.Close()
	}
	if p.orders != nil {
		p.orders.Close()
	}
	var err error
	for _, d := range p.databases {
		err = errors.Join(err, d.Close())
	}
	return err
}

// send sends a message; the process may die before or after it.
func (p *process) send(_ context.Context, m mq.Outgoing) error {
	if err := p.reach(brokerPart); err != nil {
		return fmt.Errorf("%w: %w: %w", mq.ErrNotSent, mq.ErrUnavailable, err)
	}
	err := p.office.bus.send(m)
	if p.world.roll(crash) {
		p.dead = true
	}
	return err
}

// sendHalf sends a half message as the transactor does: the local transaction runs once it is stored, its outcome is sent
// without waiting for an answer, and whoever gets no answer does not run it.
func (p *process) sendHalf(ctx context.Context, l stock.ReservationList, local func(context.Context) mq.Outcome) (mq.Outcome, error) {
	g := p.gate
	<-g.arrived // the local transaction waits for the half message
	p.gate = nil
	body, err := json.Marshal(event.Reserved{Orders: l.Orders})
	if err == nil {
		err = p.reach(brokerPart)
	}
	if err != nil {
		return mq.Unknown, fmt.Errorf("%w: %w", mq.ErrNotSent, err)
	}
	w := p.world
	h, err := p.office.bus.putHalf(l.TxID, string(event.StockReserved), body)
	if err != nil {
		return mq.Unknown, err
	}
	if w.roll(checkEarly) {
		p.office.bus.ask(ctx, h)
	}
	w.interleave()
	if p.dead {
		return mq.Unknown, mq.ErrNotSent
	}
	p.office.seams.stored(p.office.bus, h)
	close(g.open)
	outcome := local(ctx)
	if !p.dead {
		p.office.bus.end(h, p.office.seams.ended(outcome))
	}
	return outcome, nil
}

// timeout is the handler of payment-due as the program has it: providers are asked before orders are cancelled.
func (p *process) timeout(ctx context.Context, due event.Due) error {
	asked, err := p.payments.ToAsk(ctx, due.OrderIDs)
	if err != nil {
		return err
	}
	isAsked := func(id string) bool { _, is := asked[id]; return is }
	if err := p.timeoutOf(ctx, due.Of(func(id string) bool { return !isAsked(id) })); err != nil || len(asked) == 0 {
		return err
	}
	rest := due.Of(isAsked)
	busy, err := p.payments.AskBeforeTimeout(ctx, rest)
	if err != nil {
		return err
	}
	isBusy := func(id string) bool { return slices.Contains(busy, id) }
	if err := p.timeoutOf(ctx, rest.Of(func(id string) bool { return !isBusy(id) })); err != nil {
		return err
	}
	return p.orders.LookAgain(ctx, rest.Of(isBusy))
}

func (p *process) timeoutOf(ctx context.Context, due event.Due) error {
	if len(due.OrderIDs) == 0 {
		return nil
	}
	return p.orders.Timeout(ctx, due)
}

func (p *process) keepParked(ctx context.Context, orderIDs []string) (map[string]bool, error) {
	return archive.KeptParked(ctx, p.stock, p.clock.Now(), orderIDs)
}

// handle calls the handler of a group, as the program's consumers do.
func (p *process) handle(ctx context.Context, group string, m *message) error {
	switch group {
	case event.GroupCreate:
		return handled(ctx, event.StockReserved, m, p.orders.Create)
	case event.GroupTimeout:
		return handled(ctx, event.PaymentDue, m, p.timeout)
	case event.GroupSettle:
		return handled(ctx, event.OrderSettled, m, p.publisher.HandleSettled)
	case event.GroupRevive:
		return handled(ctx, event.TicketsWanted, m, p.publisher.HandleWanted)
	case event.GroupTickets:
		return handled(ctx, event.OrderSettled, m, p.tickets.Settle)
	}
	return fmt.Errorf("there is no group %s", group)
}

func handled[T any](ctx context.Context, topic mq.Topic[T], m *message, handle func(context.Context, T) error) error {
	payload, err := topic.Decode(m.body)
	if err != nil {
		return mq.Permanent(err)
	}
	return handle(ctx, payload)
}

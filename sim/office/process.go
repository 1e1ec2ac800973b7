package office

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
	"boxoffice/sim/world"
	"boxoffice/stock"
	"boxoffice/tickets"
)

const (
	parkedLimit = 3 * time.Hour // shorter than by default, so that a history sees its end
	batchMax    = 8             // small, so that lists are cut
)

// process is one process of the office with all its roles: the services of the product over connections that may fail.
type process struct {
	*parts
	index   int
	life    int           // how often it was started
	dead    bool          // it reaches nothing any more, and is about to be buried
	began   time.Time     // what it does for somebody
	found   time.Duration // by which the database's clock was ahead then
	trusted time.Duration // what it believed of that clock then

	wall     func() time.Time // of its machine
	clock    *officeclock.Clock
	believed time.Duration // by which the database's clock was ahead when this process started, or less since
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

// parts are what a process is made of and turns to.
type parts struct {
	world     *world.World
	bus       *world.Bus
	provider  *world.Book
	clocks    *clocks
	seams     Seams
	dir       string                        // of the databases
	committed func(p *process, base string) // is told of each transaction that has committed
}

// gate keeps a local transaction from beginning before its half message is on its way.
type gate struct{ arrived, open chan struct{} }

// Reach is where a process turns to anything outside of it: another one may be faster, it may die, or nobody answers.
func (p *process) Reach(part string) error {
	if p.dead {
		return world.IOError{What: "the process is dead"}
	}
	p.world.Interleave()
	switch {
	case p.dead, p.world.Roll(world.Crash):
		p.dead = true
		return world.IOError{What: "the process died"}
	case p.world.IsAway(part):
		return world.IOError{What: part + " is away"}
	}
	return nil
}

// openClock makes the office's clock of the process's machine's. What it finds when it starts it believes.
func (p *process) openClock() {
	p.wall = func() time.Time { return p.world.Now.Add(p.clocks.machine(p.index)) }
	p.clock = officeclock.New(p.wall, func() time.Time { return p.world.Now }, payWindow+payLease+askGrace)
	p.believed = p.clocks.database
	p.correctClock()
}

// correctClock has the process measure the database's clock. One that goes less ahead than it had believed is believed from then
// on.
func (p *process) correctClock() {
	p.believed = min(p.believed, p.clocks.database)
	p.clock.Correct(p.clocks.machine(p.index)-p.clocks.database, 0)
}

// followClock has a process find out, within a time, that a clock was set. While the database is away it knows nothing of it.
func (p *process) followClock(within time.Duration) {
	w := p.world
	p.looks++
	w.After(w.Between(0, within), fmt.Sprintf("%d.%d looks at the clock #%d", p.index, p.life, p.looks), world.Anybody, func(context.Context) {
		switch {
		case p.dead:
		case w.IsAway(world.OrderBase):
			p.followClock(clockPause)
		default:
			p.correctClock()
		}
	})
}

// Die ends a process within what it does.
func (p *process) Die() { p.dead = true }

func (p *process) isDead() bool { return p.dead }

// statement is a statement as it is run.
func (p *process) statement(base, query string) string {
	if p.seams.rewrite != nil {
		return p.seams.rewrite(base, query)
	}
	return query
}

func (p *process) hasCommitted(base string) { p.committed(p, base) }

// waitForHalf lets the local transaction of a purchase begin when the half message's fate is known.
func (p *process) waitForHalf(ctx context.Context, base string) error {
	g := p.gate
	if g == nil || base != world.StockBase {
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

// startProcess opens the databases and makes the services, as the program does when it starts.
func startProcess(ctx context.Context, from *parts, index, life int) (*process, error) {
	p := &process{parts: from, index: index, life: life}
	p.openClock()
	byBase := map[string]*db.DB{}
	for _, base := range []string{world.StockBase, world.OrderBase, world.TicketsBase} {
		d, err := openFaulty(ctx, p.world, p, dsn(p.dir, base), base)
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		byBase[base] = d
		p.databases = append(p.databases, d)
	}
	sure := p.seams.sureOf(p.clock, p.wall)
	log := slog.New(slog.DiscardHandler)
	p.stock = stock.New(byBase[world.StockBase], stock.Options{Now: p.clock.Now, AskGrace: askGrace, Log: log})
	sender := mq.SenderOver(p.send)
	p.orders = order.New(ctx, byBase[world.OrderBase], sender, order.Options{Now: sure, Log: log, MaxBatch: batchMax, PublishLater: true})
	p.payments = payment.New(byBase[world.OrderBase], payment.Options{
		Orders: p.seams.ordersOf(p.orders), Stock: p.stock, Providers: []payment.Provider{p.seams.providerOf(world.Reached{Book: p.provider, By: p})},
		Now: sure, Log: log, OneByOne: true, KeepParked: p.keepParked, Lease: payLease, AskGrace: askGrace, ParkedLimit: parkedLimit,
	})
	p.tickets = tickets.New(byBase[world.TicketsBase], tickets.Options{Orders: p.orders, Now: p.clock.Now, Log: log})
	p.sweeper, p.publisher = stock.NewSweeper(p.stock, sender), stock.NewRepublisher(p.stock, sender)
	p.canceller = cancellation.New(p.stock, p.orders, p.payments.OrdersEnded, nil, log)
	p.decider = sale.NewDecider(p.stock, sale.Options{
		PayWindow: payWindow, MaxBatch: batchMax, Now: p.seams.nowOf(p.clock, p.wall), Log: log, NewID: p.world.NewID,
		Ages: func() time.Time { return p.world.Now },
		OnHalf: func(int) {
			p.world.Interleave()
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
	if err := p.Reach(world.BrokerPart); err != nil {
		return fmt.Errorf("%w: %w: %w", mq.ErrNotSent, mq.ErrUnavailable, err)
	}
	err := p.bus.Send(m)
	if p.world.Roll(world.Crash) {
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
		err = p.Reach(world.BrokerPart)
	}
	if err != nil {
		return mq.Unknown, fmt.Errorf("%w: %w", mq.ErrNotSent, err)
	}
	w := p.world
	h, err := p.bus.PutHalf(l.TxID, string(event.StockReserved), body)
	if err != nil {
		return mq.Unknown, err
	}
	if w.Roll(world.CheckEarly) {
		p.bus.Ask(ctx, h)
	}
	w.Interleave()
	if p.dead {
		return mq.Unknown, mq.ErrNotSent
	}
	p.bus.Decide(h, p.seams.Early)
	close(g.open)
	outcome := local(ctx)
	if !p.dead {
		p.bus.End(h, p.seams.ended(outcome))
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
func (p *process) handle(ctx context.Context, group string, m *world.Message) error {
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

func handled[T any](ctx context.Context, topic mq.Topic[T], m *world.Message, handle func(context.Context, T) error) error {
	payload, err := topic.Decode(m.Body)
	if err != nil {
		return mq.Permanent(err)
	}
	return handle(ctx, payload)
}

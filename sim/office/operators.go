package office

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"boxoffice/common/audit"
	"boxoffice/sim/world"
	"boxoffice/stock"
)

// mishap is a part that fails for a while, or a process that does.
func (o *office) mishap(dice *rand.Rand) (what string, do func(context.Context)) {
	w := o.world
	lasts := time.Duration(5+dice.IntN(180)) * time.Second
	if dice.IntN(4) == 0 {
		lasts = time.Duration(10+dice.IntN(20)) * time.Minute // longer than all check-backs
	}
	away := func(f world.Fault, part string) (string, func(context.Context)) {
		return fmt.Sprintf("%s is away", part), func(context.Context) {
			if !w.Without[f] {
				w.Inject(f)
				w.Away[part] = w.Now.Add(lasts)
			}
		}
	}
	index := dice.IntN(processes)
	switch dice.IntN(8) {
	case 0:
		return away(world.BrokerAway, world.BrokerPart)
	case 1:
		return away(world.ProviderAway, world.ProviderPart)
	case 2:
		return away(world.DatabaseAway, world.StockBase)
	case 3:
		return away(world.DatabaseAway, world.OrderBase)
	case 4:
		return away(world.DatabaseAway, world.TicketsBase)
	case 5:
		ahead := aStep(dice)
		return "a clock is set", func(context.Context) { o.setMachine(index, ahead) }
	case 6:
		ahead := aStep(dice)
		return "the database's clock is set", func(context.Context) { o.setDatabase(ahead) }
	}
	return "a process is restarted", func(ctx context.Context) { o.restart(ctx, index) }
}

// aStep is by how much a clock is set: an hour, or anything below.
func aStep(dice *rand.Rand) time.Duration {
	ahead := time.Duration(dice.IntN(7201)-3600) * time.Second
	switch minute := ahead / time.Minute; {
	case minute < -30:
		return -time.Hour
	case minute > 30:
		return time.Hour
	}
	return ahead
}

// setMachine sets the clock of a machine, and right again later.
func (o *office) setMachine(index int, ahead time.Duration) {
	w := o.world
	if w.Without[world.ClockStep] {
		return
	}
	w.Inject(world.ClockStep)
	set := func(ahead time.Duration) {
		o.clocks.set[index] = ahead
		within := clockPause
		if w.Roll(world.ClockUnread) {
			within = unreadMost
		}
		if p := o.processes[index]; p != nil {
			p.followClock(within)
		}
	}
	set(ahead)
	w.After(w.Between(time.Minute, 2*time.Hour), "the clock is right again after "+w.Event, world.Anybody, func(context.Context) { set(0) })
}

// setDatabase sets the clock of the order database, and right again later.
func (o *office) setDatabase(ahead time.Duration) {
	w := o.world
	if w.Without[world.DatabaseClockStep] {
		return
	}
	w.Inject(world.DatabaseClockStep)
	o.databaseIs(ahead)
	w.After(w.Between(time.Minute, 2*time.Hour), "the clock is right again after "+w.Event, world.Anybody, func(context.Context) { o.databaseIs(0) })
}

// databaseIs sets the clock of the order database. The processes find out in the same moment: what they do in the seconds in which
// one knows and another does not is not simulated.
func (o *office) databaseIs(ahead time.Duration) {
	o.clocks.database = ahead
	for _, p := range o.processes {
		if p != nil {
			p.correctClock()
		}
	}
}

// rightClocks ends what was set. The machines stay apart.
func (o *office) rightClocks() {
	o.clocks.set = [processes]time.Duration{}
	o.databaseIs(0)
}

// mendRefunds is a person who looks now and then at the refunds that failed for good, and has them sent again, or sends the money
// himself once the provider says that it has not gone.
func (o *office) mendRefunds(visit int) {
	w := o.world
	key := fmt.Sprintf("somebody looks at the refunds #%d", visit)
	w.After(w.Between(30*time.Minute, 2*time.Hour), key, world.Anybody, func(ctx context.Context) {
		o.mendRefunds(visit + 1)
		p := o.pick()
		if p == nil {
			return
		}
		failed := selectFrom[string](o.oracle, world.OrderBase, `SELECT id FROM refunds WHERE state = 'needs_attention' ORDER BY id`)
		o.with(p, func() {
			for _, id := range failed {
				if w.Chance(40) && o.provider.HasNotSent(id) {
					o.settleByHand(ctx, p, id)
					continue
				}
				_, err := p.payments.Retry(ctx, id, audit.Act{Actor: "operator", Note: "simulated"})
				w.Note("send refund %s again: %v", id, err)
			}
		})
	})
}

// settleByHand records that the money of a refund was sent by other means. Whoever gets no answer looks whether it is recorded.
func (o *office) settleByHand(ctx context.Context, p *process, id string) {
	_, err := p.payments.SettleByHand(ctx, id, audit.Act{Actor: "operator", Note: "simulated"})
	o.world.Note("settle refund %s by hand: %v", id, err)
	for _, r := range o.oracle.settledByHand() {
		if r.ID == id {
			o.provider.Payments[r.PaymentID].ByHand += r.Amount
		}
	}
}

// restart stops a process as an operator does: what it has queued goes out first.
func (o *office) restart(ctx context.Context, index int) {
	w, p := o.world, o.processes[index]
	if p == nil || p.dead || w.Busy[index] || w.Without[world.Restart] {
		return
	}
	w.Inject(world.Restart)
	o.with(p, func() {
		if _, err := p.orders.PublishQueued(ctx); err != nil {
			w.Note("publish fails: %v", err)
		}
		p.dead = true
	})
}

// operate is an operator at the console.
func (o *office) operate(ctx context.Context, screenings []stock.Screening) {
	w, p := o.world, o.pick()
	if p == nil {
		return
	}
	s := screenings[w.Random.IntN(len(screenings))]
	by := audit.Act{Actor: "operator", Note: "simulated"}
	var err error
	what := ""
	o.with(p, func() {
		switch w.Random.IntN(8) {
		case 0, 1:
			what, err = "pause", o.pauseSale(ctx, p, s.ID)
		case 2:
			capacity := max(1, o.oracle.screenings[s.ID].capacity+int64(w.Random.IntN(9)-3))
			what = fmt.Sprintf("capacity %d", capacity)
			_, err = p.stock.ChangeScreening(ctx, s.ID, stock.ScreeningChange{Capacity: &capacity, By: by})
		case 3:
			what, err = "limit", o.changeLimit(ctx, p, s.ID, by)
		case 4:
			what = "cancel screening"
			_, err = p.stock.CancelScreening(ctx, s.ID, by)
		default:
			what, err = o.giveBack(ctx, p, by)
		}
	})
	w.Note("operator: %s of %s: %v", what, s.ID, err)
}

// pauseSale stops the sale of a screening for some minutes.
func (o *office) pauseSale(ctx context.Context, p *process, id string) error {
	w, yes, no := o.world, true, false
	w.After(w.Between(time.Second, 5*time.Minute), "resume after "+w.Event, world.Anybody, func(ctx context.Context) {
		if q := o.pick(); q != nil {
			o.with(q, func() {
				_, err := q.stock.ChangeScreening(ctx, id, stock.ScreeningChange{Paused: &no})
				w.Note("resume %s: %v", id, err)
			})
		}
	})
	_, err := p.stock.ChangeScreening(ctx, id, stock.ScreeningChange{Paused: &yes})
	return err
}

// changeLimit changes how many tickets a buyer may have, or switches the limit on or off.
func (o *office) changeLimit(ctx context.Context, p *process, id string, by audit.Act) error {
	limit := int64(o.world.Random.IntN(6))
	if o.oracle.screenings[id].limit > 0 && o.world.Chance(30) {
		limit = 0
	}
	_, err := p.stock.ChangeScreening(ctx, id, stock.ScreeningChange{PerUserLimit: &limit, By: by})
	return err
}

// giveBack cancels a paid order, or sends a part of its money back.
func (o *office) giveBack(ctx context.Context, p *process, by audit.Act) (what string, err error) {
	var ids []string
	for id, seen := range o.oracle.orders {
		if seen.State == "PAID" {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return "nothing", nil
	}
	slices.Sort(ids)
	id := ids[o.world.Random.IntN(len(ids))]
	if o.world.Chance(30) {
		_, err = p.orders.RefundPart(ctx, id, "part", 1+o.world.Random.Int64N(900), by)
		return "part of " + id, err
	}
	_, err = p.orders.CancelPaid(ctx, id, by)
	return "cancel paid " + id, err
}

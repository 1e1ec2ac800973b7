package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/sale"
	"boxoffice/stock"
)

const currency = "CNY"

// act is something that is planned: a buyer comes, an operator does something, a part fails. A history can be repeated with some
// of its acts alone.
type act struct {
	n    int
	at   time.Duration
	what string
	do   func(ctx context.Context)
}

// plan is what happens from outside in a history: a few rushes for tickets, and what goes wrong around them.
func (o *office) plan(hours int) []act {
	w := o.world
	dice := w.dice("plan")
	var acts []act
	add := func(at time.Duration, what string, do func(ctx context.Context)) {
		acts = append(acts, act{at: at, what: what, do: do})
	}
	screenings := o.screenings(dice, hours)
	day := time.Duration(hours) * time.Hour
	for range 3 {
		rush := time.Minute + time.Duration(dice.Int64N(int64(day*4/5)))
		at := func(most time.Duration) time.Duration { return rush + time.Duration(dice.Int64N(int64(most))) }
		for range 12 + dice.IntN(14) {
			requests := purchase(dice, screenings, len(acts))
			buys := at(4 * time.Minute)
			add(buys, "buy", func(ctx context.Context) { o.rush(ctx, requests) })
			if dice.IntN(6) == 0 { // somebody changes what is just being sold
				add(buys+time.Duration(dice.Int64N(int64(time.Second))), "operator", func(ctx context.Context) { o.operate(ctx, screenings) })
			}
		}
		for range dice.IntN(4) {
			add(at(90*time.Minute), "operator", func(ctx context.Context) { o.operate(ctx, screenings) })
		}
		for range 1 + dice.IntN(4) {
			what, do := o.mishap(dice)
			add(at(30*time.Minute), what, do)
		}
	}
	slices.SortStableFunc(acts, func(a, b act) int { return cmp.Compare(a.at, b.at) })
	for i := range acts {
		acts[i].n = i
	}
	return acts
}

// screenings are what there is to sell. The first act of each history, which nothing disturbs, puts them on sale.
func (o *office) screenings(dice *rand.Rand, hours int) []stock.Screening {
	start := o.world.start
	var all []stock.Screening
	for i := range 2 + dice.IntN(2) {
		s := stock.Screening{
			ID: fmt.Sprintf("screening-%d", i), Movie: "Film", Venue: "House", StartsAt: start.Add(time.Duration(hours) * time.Hour),
			Price: event.Money{Amount: int64(1000 + 500*dice.IntN(5)), Currency: currency}, Capacity: int64(4 + dice.IntN(16)),
			SaleOpensAt: start.Add(-time.Hour), SaleClosesAt: start.Add(time.Duration(hours) * time.Hour),
			PerUserLimit: []int64{0, 2, 3, 4}[dice.IntN(4)],
			LatePayment:  []event.LatePayment{event.LateRefund, event.LateRevive}[dice.IntN(2)],
		}
		all = append(all, s)
	}
	return all
}

// purchase is what one or several buyers ask for at once. Some keys have been used before.
func purchase(dice *rand.Rand, screenings []stock.Screening, n int) []sale.Request {
	var requests []sale.Request
	for i := range []int{1, 1, 1, 2, 5}[dice.IntN(5)] {
		key := fmt.Sprintf("key-%d-%d", n, i)
		if dice.IntN(10) == 0 {
			key = fmt.Sprintf("key-%d-0", max(0, n-1-dice.IntN(5)))
		}
		requests = append(requests, sale.Request{
			BuyerID: fmt.Sprintf("buyer-%d", dice.IntN(8)), Key: key,
			ScreeningID: screenings[dice.IntN(len(screenings))].ID, Quantity: int64(1 + dice.IntN(3)),
		})
	}
	return requests
}

// rush has buyers ask, and some of them click twice.
func (o *office) rush(ctx context.Context, requests []sale.Request) {
	w := o.world
	if w.chance(30) {
		w.after(w.between(0, 3*time.Second), "second click of "+w.event, anybody, func(ctx context.Context) { o.buy(ctx, requests, 1) })
	}
	o.buy(ctx, requests, 0)
}

// mishap is a part that fails for a while, or a process that does.
func (o *office) mishap(dice *rand.Rand) (what string, do func(context.Context)) {
	w := o.world
	lasts := time.Duration(5+dice.IntN(180)) * time.Second
	if dice.IntN(4) == 0 {
		lasts = time.Duration(10+dice.IntN(20)) * time.Minute // longer than all check-backs
	}
	away := func(f fault, part string) (string, func(context.Context)) {
		return fmt.Sprintf("%s is away", part), func(context.Context) {
			if !w.without[f] {
				w.inject(f)
				w.away[part] = w.now.Add(lasts)
			}
		}
	}
	index := dice.IntN(processes)
	switch dice.IntN(8) {
	case 0:
		return away(brokerAway, brokerPart)
	case 1:
		return away(providerAway, providerPart)
	case 2:
		return away(databaseAway, stockBase)
	case 3:
		return away(databaseAway, orderBase)
	case 4:
		return away(databaseAway, ticketsBase)
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

// restart stops a process as an operator does: what it has queued goes out first.
func (o *office) restart(ctx context.Context, index int) {
	w, p := o.world, o.processes[index]
	if p == nil || p.dead || w.busy[index] || w.without[restart] {
		return
	}
	w.inject(restart)
	o.with(p, func() {
		if _, err := p.orders.PublishQueued(ctx); err != nil {
			w.note("publish fails: %v", err)
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
	s := screenings[w.random.IntN(len(screenings))]
	by := audit.Act{Actor: "operator", Note: "simulated"}
	var err error
	what := ""
	o.with(p, func() {
		switch w.random.IntN(8) {
		case 0, 1:
			what, err = "pause", o.pauseSale(ctx, p, s.ID)
		case 2:
			capacity := max(1, o.oracle.screenings[s.ID].capacity+int64(w.random.IntN(9)-3))
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
	w.note("operator: %s of %s: %v", what, s.ID, err)
}

// pauseSale stops the sale of a screening for some minutes.
func (o *office) pauseSale(ctx context.Context, p *process, id string) error {
	w, yes, no := o.world, true, false
	w.after(w.between(time.Second, 5*time.Minute), "resume after "+w.event, anybody, func(ctx context.Context) {
		if q := o.pick(); q != nil {
			o.with(q, func() {
				_, err := q.stock.ChangeScreening(ctx, id, stock.ScreeningChange{Paused: &no})
				w.note("resume %s: %v", id, err)
			})
		}
	})
	_, err := p.stock.ChangeScreening(ctx, id, stock.ScreeningChange{Paused: &yes})
	return err
}

// changeLimit changes how many tickets a buyer may have, where there is a limit.
func (o *office) changeLimit(ctx context.Context, p *process, id string, by audit.Act) error {
	known := o.oracle.screenings[id]
	if known.limitMax == 0 {
		return nil
	}
	limit := int64(1 + o.world.random.IntN(5))
	known.limitMax = max(known.limitMax, limit)
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
	id := ids[o.world.random.IntN(len(ids))]
	if o.world.chance(30) {
		_, err = p.orders.RefundPart(ctx, id, "part", 1+o.world.random.Int64N(900), by)
		return "part of " + id, err
	}
	_, err = p.orders.CancelPaid(ctx, id, by)
	return "cancel paid " + id, err
}

package main

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/officeclock"
)

const (
	clockPause = 5 * time.Second  // within which a process has asked the database what the time is
	unreadMost = 20 * time.Minute // for which it gets no answer to that
	apartMost  = 10 * time.Minute // by which the clock of a machine is wrong all the time
	payLease   = 5 * time.Minute  // that a payment which starts has at least
)

// clocks are what the clocks of an office say, by how much they are ahead of the true time: those of the machines, of which each
// process has one, and that of the order database, which counts.
type clocks struct {
	apart    [processes]time.Duration // by which each machine's is wrong all the time
	set      [processes]time.Duration // by how much somebody has set it
	database time.Duration
}

// newClocks are those of machines that are minutes apart in most histories.
func newClocks(w *world) *clocks {
	c := &clocks{}
	dice := w.dice("clocks")
	if dice.IntN(4) == 0 || w.without[clocksApart] {
		return c
	}
	w.inject(clocksApart)
	for i := range c.apart {
		c.apart[i] = time.Duration(dice.Int64N(int64(2*apartMost))) - apartMost
	}
	return c
}

// machine is by how much the clock of a process's machine is ahead.
func (c *clocks) machine(index int) time.Duration { return c.apart[index] + c.set[index] }

// openClock makes the office's clock of the process's machine's. What it finds when it starts it believes.
func (p *process) openClock() {
	p.wall = func() time.Time { return p.world.now.Add(p.office.clocks.machine(p.index)) }
	p.clock = officeclock.New(p.wall, func() time.Time { return p.world.now }, payWindow+payLease+askGrace)
	p.believed = p.office.clocks.database
	p.correctClock()
}

func (p *process) correctClock() {
	p.clock.Correct(p.office.clocks.machine(p.index) - p.office.clocks.database)
}

// followClock has a process find out, within a time, that a clock was set. While the database is away it knows nothing of it.
func (p *process) followClock(within time.Duration) {
	w := p.world
	p.looks++
	w.after(w.between(0, within), fmt.Sprintf("%d.%d looks at the clock #%d", p.index, p.life, p.looks), anybody, func(context.Context) {
		switch {
		case p.dead || p.office.processes[p.index] != p:
		case w.isAway(orderBase):
			p.followClock(clockPause)
		default:
			p.correctClock()
		}
	})
}

// setMachine sets the clock of a machine, and right again later.
func (o *office) setMachine(index int, ahead time.Duration) {
	w := o.world
	if w.without[clockStep] {
		return
	}
	w.inject(clockStep)
	set := func(ahead time.Duration) {
		o.clocks.set[index] = ahead
		within := clockPause
		if w.roll(clockUnread) {
			within = unreadMost
		}
		if p := o.processes[index]; p != nil {
			p.followClock(within)
		}
	}
	set(ahead)
	w.after(w.between(time.Minute, 2*time.Hour), "the clock is right again after "+w.event, anybody, func(context.Context) { set(0) })
}

// setDatabase sets the clock of the order database, and right again later.
func (o *office) setDatabase(ahead time.Duration) {
	w := o.world
	if w.without[databaseClockStep] {
		return
	}
	w.inject(databaseClockStep)
	o.databaseIs(ahead)
	w.after(w.between(time.Minute, 2*time.Hour), "the clock is right again after "+w.event, anybody, func(context.Context) { o.databaseIs(0) })
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

package office

import (
	"time"

	"boxoffice/sim/world"
)

const (
	processes  = 2
	clockPause = 5 * time.Second  // within which a process has asked the database what the time is
	unreadMost = 20 * time.Minute // for which it gets no answer to that
	apartMost  = 10 * time.Minute // by which the clock of a machine is wrong all the time
	nearMost   = 2 * time.Second  // by which it is where the machines nearly agree
)

// clocks are what the clocks of an office say, by how much they are ahead of the true time: those of the machines, of which each
// process has one, and that of the order database, which counts.
type clocks struct {
	apart    [processes]time.Duration // by which each machine's is wrong all the time
	set      [processes]time.Duration // by how much somebody has set it
	database time.Duration
}

// newClocks are those of machines that are minutes apart in half of the histories, and less than a few seconds in a quarter of
// them: a difference that is let pass as too small ends orders too early as well.
func newClocks(w *world.World) *clocks {
	c := &clocks{}
	dice := w.Dice("clocks")
	kind, most := dice.IntN(4), apartMost
	switch {
	case kind == 0 || w.Without[world.ClocksApart]:
		return c
	case kind == 1:
		most = nearMost
	}
	w.Inject(world.ClocksApart)
	for i := range c.apart {
		c.apart[i] = time.Duration(dice.Int64N(int64(2*most))) - most
	}
	return c
}

// machine is by how much the clock of a process's machine is ahead.
func (c *clocks) machine(index int) time.Duration { return c.apart[index] + c.set[index] }

package crash

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"boxoffice/scripts/wait"
)

const (
	reachLimit  = 3 * time.Second  // for a step to come by, before it is passed over until the next round
	rareLimit   = 15 * time.Second // the same for one that is rare
	awayTime    = 4 * time.Second  // without a broker, after which the sweeper has something to do
	sellLimit   = 60 * time.Second
	randomLimit = 400 * time.Millisecond // the longest wait before a kill at a random instant
	stepChance  = 0.5                    // that a step kills when it comes by, so that it is not always the first after a start
)

// killAt has the office die at a step or statement, and starts it again. One that does not come by is passed over.
func (d *drill) killAt(ctx context.Context, at, row string) error {
	chance := stepChance
	if isRare(at) {
		chance = 1
	}
	if err := d.arm("kill", chance, at); err != nil {
		return err
	}
	if strings.HasPrefix(at, "sweep.") && d.site.broker != nil { // nothing is left to the sweeper unless messages are lost or late
		d.site.broker.kill()
		if !wait.For(ctx, awayTime) {
			return ctx.Err()
		}
		if err := d.site.broker.start(ctx); err != nil {
			return err
		}
	}
	limit := reachLimit
	if isRare(at) {
		limit = rareLimit
	}
	reached, err := d.awaitArmed(ctx, limit)
	if err != nil {
		return err
	}
	if !reached {
		d.cold[at] = true
		d.verdict.passedOver(row)
		return nil
	}
	select {
	case <-d.site.office.ended:
	case <-time.After(sellLimit):
		return fmt.Errorf("the office has not died at %s", at)
	}
	if d.site.broker != nil && d.random.IntN(4) == 0 {
		d.site.broker.kill()
	}
	return d.recover(ctx, row, at)
}

// isRare tells a step that comes by every few seconds at most.
func isRare(at string) bool {
	return strings.HasPrefix(at, "sweep.") || strings.HasPrefix(at, "revive.") || strings.HasPrefix(at, "check.")
}

// killAnytime kills the office, its broker, or both.
func (d *drill) killAnytime(ctx context.Context, which int) error {
	if !wait.For(ctx, time.Duration(d.random.Int64N(int64(randomLimit)))) {
		return ctx.Err()
	}
	row := "any instant: the office"
	switch {
	case d.site.broker == nil || which == 0:
		d.site.office.kill()
	case which == 1:
		row = "any instant: the broker"
		d.site.broker.kill()
	default:
		row = "any instant: office and broker"
		d.site.broker.kill()
		d.site.office.kill()
	}
	return d.recover(ctx, row, row)
}

// recover starts what has died, waits until tickets are sold again, and looks whether what has to be true at any moment is.
func (d *drill) recover(ctx context.Context, row, at string) error {
	d.killed++
	died := time.Now()
	if d.site.broker != nil && !d.site.broker.runs() {
		if err := d.site.broker.start(ctx); err != nil {
			return err
		}
	}
	for !d.site.office.runs() {
		if err := d.site.office.start(ctx); err != nil && !errors.Is(err, errEnded) {
			return err
		} else if err != nil {
			d.verdict.broken(row, at, fmt.Sprintf("the office has not started: %v", err))
			return err
		}
	}
	if err := d.sellAgain(ctx, row, at); err != nil {
		return err
	}
	d.verdict.killed(row, time.Since(died))
	return d.look(ctx, row, at)
}

// sellAgain waits until somebody is told that tickets are reserved.
func (d *drill) sellAgain(ctx context.Context, row, at string) error {
	enough := d.traffic.sold() + 1
	for deadline := time.Now().Add(sellLimit); d.traffic.sold() < enough; {
		if !d.site.office.runs() {
			d.verdict.broken(row, at, "the office has ended by itself")
			return fmt.Errorf("after %s: %w", at, errEnded)
		}
		if time.Now().After(deadline) {
			d.verdict.broken(row, at, fmt.Sprintf("nothing is sold for %v", sellLimit))
			return fmt.Errorf("after %s nothing is sold", at)
		}
		if !wait.For(ctx, lookPause) {
			return ctx.Err()
		}
	}
	return nil
}

// look notes what is not as it has to be at any moment.
func (d *drill) look(ctx context.Context, row, at string) error {
	acknowledged, surprises := d.traffic.takeFresh()
	broken, err := d.books.atOnce(ctx, acknowledged)
	if err != nil {
		return err
	}
	d.verdict.broken(row, at, append(broken, surprises...)...)
	return nil
}

// cutAt cuts a connection of the office at a statement. The office has to go on.
func (d *drill) cutAt(ctx context.Context, statement string) error {
	if d.options.Cuts >= 0 && d.cut >= d.options.Cuts {
		return nil
	}
	row := "cut " + when(statement)
	if d.cold[statement] {
		return d.cutAtStart(ctx, statement, row)
	}
	if err := d.arm("cut", 1, statement); err != nil {
		return err
	}
	reached, err := d.awaitArmed(ctx, reachLimit)
	if err != nil {
		return err
	}
	if !reached { // perhaps a statement of a start
		d.cold[statement] = true
		return d.cutAtStart(ctx, statement, row)
	}
	d.cut++
	d.done[statement] = true
	began := time.Now()
	if err := d.sellAgain(ctx, row, statement); err != nil {
		return err
	}
	d.verdict.killed(row, time.Since(began))
	return d.look(ctx, row, statement)
}

// cutAtStart cuts a connection at a statement that runs when the office starts. An office whose database breaks while it
// starts may end, in words; the next start has to succeed.
func (d *drill) cutAtStart(ctx context.Context, statement, row string) error {
	d.site.office.kill()
	if err := d.arm("cut", 1, statement); err != nil {
		return err
	}
	err := d.site.office.start(ctx)
	if err != nil && !errors.Is(err, errEnded) {
		return err
	}
	switch err := os.Remove(d.site.armed); {
	case err == nil: // nobody has taken it up
		d.verdict.passedOver(row)
	case errors.Is(err, fs.ErrNotExist):
		d.cut++
		d.done[statement] = true
		d.verdict.killed(row, 0)
	default:
		return fmt.Errorf("disarm: %w", err)
	}
	return d.recover(ctx, "any instant: the office", statement)
}

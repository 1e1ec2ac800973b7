// Package crash kills the office at every step of a purchase and at random instants, cuts its connections to the databases at every
// statement, and compares what is left with what anybody was told.
package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"time"

	"boxoffice/common/failpoint"
	"boxoffice/scripts/wait"
)

// warmUpOrders is how many orders are bought before anything breaks.
const warmUpOrders = 200

// Main runs the drill with flags, and prints its verdict.
func Main(ctx context.Context, args []string, stdout io.Writer) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	v, err := Run(ctx, o, stdout)
	if v != nil {
		err = errors.Join(err, v.print(stdout))
	}
	if err == nil && len(v.Violations) > 0 {
		err = fmt.Errorf("%d violations", len(v.Violations))
	}
	return err
}

// Run starts an office and breaks it. What was found before an error is in the verdict.
func Run(ctx context.Context, o Options, out io.Writer) (v *Verdict, err error) {
	dir := o.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "boxoffice-drill-"); err != nil {
			return nil, fmt.Errorf("make a directory: %w", err)
		}
		defer func() {
			if err == nil && len(v.Violations) == 0 {
				err = os.RemoveAll(dir)
				return
			}
			_, printErr := fmt.Fprintf(out, "what was left behind is in %s\n", dir)
			err = errors.Join(err, printErr)
		}()
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	binary := o.Binary
	if binary == "" {
		if binary, err = build(ctx, dir); err != nil {
			return nil, err
		}
	}
	d := &drill{
		options: o, out: out, random: rand.New(rand.NewPCG(o.Seed, 0)), verdict: newVerdict(o), done: map[string]bool{},
		cold: map[string]bool{},
	}
	if d.site, err = openSite(ctx, o, dir, binary); d.site != nil {
		defer func() {
			d.site.close()
			if d.site.drop != nil && o.Dir == "" && err == nil && len(v.Violations) == 0 {
				err = errors.Join(err, d.site.drop())
			}
		}()
	}
	if err != nil {
		return nil, fmt.Errorf("start an office in %s: %w", dir, err)
	}
	if d.books, err = openBooks(ctx, d.site.dsn); err != nil {
		return d.verdict, err
	}
	defer func() { err = errors.Join(err, d.books.close()) }()
	for _, statement := range d.statements() {
		d.cold[statement] = true
	}
	if d.traffic, err = startTraffic(ctx, d.site.shop, o.Seed); err != nil {
		return d.verdict, err
	}
	defer d.traffic.halt()
	if err := d.warmUp(ctx); err != nil {
		return d.verdict, err
	}
	if o.For > 0 {
		d.until = time.Now().Add(o.For)
	}
	if o.Statements {
		return d.verdict, d.cutEach(ctx)
	}
	return d.verdict, d.rounds(ctx)
}

// warmUp waits until the statements of most things have run.
func (d *drill) warmUp(ctx context.Context) error {
	for deadline := time.Now().Add(sellLimit); d.traffic.sold() < warmUpOrders; {
		if time.Now().After(deadline) {
			return fmt.Errorf("only %d orders in %v, with nothing broken", d.traffic.sold(), sellLimit)
		}
		if !wait.For(ctx, lookPause) {
			return ctx.Err()
		}
	}
	return nil
}

// rounds breaks the office until it is enough, and has it come to rest now and then, and in the end.
func (d *drill) rounds(ctx context.Context) error {
	for !d.isOver() {
		for _, act := range d.round() {
			if d.isOver() {
				break
			}
			if err := act(ctx); err != nil {
				return err
			}
			if !d.isOver() {
				if err := d.restAfter(ctx, d.killed); err != nil {
					return err
				}
			}
		}
	}
	return d.comeToRest(ctx)
}

// cutEach cuts a connection once at each statement, before and afterwards. One that has not come by is tried again in the next
// round, while the office runs and then when it starts; two rounds in which none came by are the end.
func (d *drill) cutEach(ctx context.Context) error {
	atStart := maps.Clone(d.cold)
	for idle := 0; idle < 2 && !d.isLate(); idle++ {
		d.cold = maps.Clone(atStart)
		for _, statement := range d.uncut() {
			if d.isLate() {
				break
			}
			before := d.cut
			if err := d.cutAt(ctx, statement); err != nil {
				return err
			}
			if d.cut > before {
				idle = -1
			}
			if err := d.restAfter(ctx, d.cut); err != nil {
				return err
			}
		}
	}
	d.verdict.uncut = d.uncut()
	return d.comeToRest(ctx)
}

// restAfter has the office come to rest once enough faults were made since it last did, and then has the buyers buy on.
func (d *drill) restAfter(ctx context.Context, faults int) error {
	if faults-d.rested < d.options.Each {
		return nil
	}
	d.rested = faults
	if err := d.comeToRest(ctx); err != nil {
		return err
	}
	d.traffic.resume(ctx, d.options.Seed+uint64(faults))
	return nil
}

// comeToRest notes what is broken when nothing is under way.
func (d *drill) comeToRest(ctx context.Context) error {
	broken, took, err := d.rest(ctx)
	if err != nil {
		return fmt.Errorf("come to rest: %w", err)
	}
	d.verdict.rested(took, d.traffic.sold())
	d.verdict.broken("at rest", fmt.Sprintf("at rest after %d kills and %d cuts", d.killed, d.cut), broken...)
	_, err = fmt.Fprintf(d.out, "%s at rest after %d kills and %d cuts, %d orders: %d violations so far, this rest took %v\n",
		time.Now().Format(time.TimeOnly), d.killed, d.cut, d.traffic.sold(), len(d.verdict.Violations), took.Round(time.Second))
	return err
}

// round is a kill at each step; between two of them are a kill at a random instant or statement, and a cut connection. Statements
// that have not had their turn have it in a later round.
func (d *drill) round() (acts []func(context.Context) error) {
	var kills, cuts []func(context.Context) error
	points := failpoint.Points()
	d.random.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	for i := range len(points) / 2 {
		kills = append(kills, func(ctx context.Context) error { return d.killAnytime(ctx, i%3) })
	}
	statements := d.statements()
	d.random.Shuffle(len(statements), func(i, j int) { statements[i], statements[j] = statements[j], statements[i] })
	for _, statement := range statements {
		if !d.cold[statement] && len(kills) < len(points) {
			kills = append(kills, func(ctx context.Context) error { return d.killAt(ctx, statement, "a statement, "+when(statement)) })
		}
		if !d.done[statement] && len(cuts) < len(points) {
			cuts = append(cuts, func(ctx context.Context) error { return d.cutAt(ctx, statement) })
		}
	}
	d.random.Shuffle(len(kills), func(i, j int) { kills[i], kills[j] = kills[j], kills[i] })
	for i, point := range points {
		acts = append(acts, func(ctx context.Context) error { return d.killAt(ctx, point.Name, point.Name) })
		if i < len(kills) {
			acts = append(acts, kills[i])
		}
		if i < len(cuts) {
			acts = append(acts, cuts[i])
		}
	}
	return acts
}

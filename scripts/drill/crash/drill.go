// Package crash kills the office at every step of a purchase and at random instants, cuts its connections to the databases at every
// statement, and compares what is left with what anybody was told.
package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"boxoffice/common/failpoint"
)

const (
	reachLimit  = 3 * time.Second  // for a step to come by, before it is passed over until the next round
	rareLimit   = 15 * time.Second // the same for one that is rare
	awayTime    = 4 * time.Second  // without a broker, after which the sweeper has something to do
	sellLimit   = 60 * time.Second
	randomLimit = 400 * time.Millisecond // the longest wait before a kill at a random instant
	lookPause   = 5 * time.Millisecond
	stepChance  = 0.5 // that a step kills when it comes by, so that it is not always the first after a start
)

// drill is one run.
type drill struct {
	options Options
	site    *site
	traffic *traffic
	books   *books
	random  *rand.Rand
	verdict *verdict
	out     io.Writer
	until   time.Time       // zero: no limit
	done    map[string]bool // statements at which a connection was cut, before and afterwards
	cold    map[string]bool // statements that did not come by: those of a start
	killed  int
	cut     int
}

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
func Run(ctx context.Context, o Options, out io.Writer) (v *verdict, err error) {
	dir := o.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "boxoffice-drill-"); err != nil {
			return nil, fmt.Errorf("make a directory: %w", err)
		}
		defer func() {
			if err == nil && len(v.Violations) == 0 {
				err = os.RemoveAll(dir)
			}
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
		defer d.site.close()
	}
	if err != nil {
		return d.verdict, fmt.Errorf("start an office in %s: %w", dir, err)
	}
	if d.books, err = openBooks(ctx, d.site); err != nil {
		return d.verdict, err
	}
	defer func() { err = errors.Join(err, d.books.close()) }()
	if d.traffic, err = startTraffic(ctx, d.site, o.Seed); err != nil {
		return d.verdict, err
	}
	defer d.traffic.halt()
	if o.For > 0 {
		d.until = time.Now().Add(o.For)
	}
	return d.verdict, d.rounds(ctx)
}

// isOver tells whether enough was broken.
func (d *drill) isOver() bool {
	return d.killed >= d.options.Kills || !d.until.IsZero() && time.Now().After(d.until)
}

// rounds breaks the office until it is enough, and has it come to rest now and then, and in the end.
func (d *drill) rounds(ctx context.Context) error {
	rested := 0
	for round := 0; !d.isOver(); round++ {
		for _, act := range d.round(round) {
			if d.isOver() {
				break
			}
			if err := act(ctx); err != nil {
				return err
			}
			if d.killed-rested >= d.options.Each && !d.isOver() {
				rested = d.killed
				if err := d.comeToRest(ctx); err != nil {
					return err
				}
				d.traffic.resume(ctx, d.options.Seed+uint64(d.killed))
			}
		}
	}
	return d.comeToRest(ctx)
}

// comeToRest notes what is broken when nothing is under way.
func (d *drill) comeToRest(ctx context.Context) error {
	broken, took, err := d.rest(ctx)
	if err != nil {
		return fmt.Errorf("come to rest: %w", err)
	}
	d.verdict.rested(took, d.traffic.sold())
	d.verdict.broken(fmt.Sprintf("at rest after %d kills and %d cuts", d.killed, d.cut), broken...)
	_, err = fmt.Fprintf(d.out, "%s at rest after %d kills and %d cuts, %d orders: %d violations so far, this rest took %v\n",
		time.Now().Format(time.TimeOnly), d.killed, d.cut, d.traffic.sold(), len(d.verdict.Violations), took.Round(time.Second))
	return err
}

// round is a kill at each step, kills at random instants, and cuts and kills at statements, mixed.
func (d *drill) round(n int) (acts []func(context.Context) error) {
	for _, point := range failpoint.Points() {
		acts = append(acts, func(ctx context.Context) error { return d.killAt(ctx, point.Name, point.Name) })
	}
	for i := range len(acts) / 2 {
		acts = append(acts, func(ctx context.Context) error { return d.killAnytime(ctx, i%3) })
	}
	statements := d.statements()
	d.random.Shuffle(len(statements), func(i, j int) { statements[i], statements[j] = statements[j], statements[i] })
	for i, statement := range statements {
		if d.done[statement] {
			continue
		}
		if i < len(failpoint.Points())/2 && !d.cold[statement] {
			acts = append(acts, func(ctx context.Context) error { return d.killAt(ctx, statement, "a statement, "+when(statement)) })
		}
		acts = append(acts, func(ctx context.Context) error { return d.cutAt(ctx, statement) })
	}
	if n > 0 { // the first round goes along the purchase, so that also a short run sees each step
		d.random.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
	}
	return acts
}

// when is a statement's moment and database: before stock.
func when(statement string) string {
	moment, _, _ := strings.Cut(statement, ":")
	if strings.Contains(statement, ": COMMIT") {
		return moment + ", COMMIT"
	}
	return moment
}

// statements are those that the office has run until now, before and afterwards.
func (d *drill) statements() []string {
	seen, err := os.ReadFile(d.site.seen)
	if err != nil {
		return nil // none yet
	}
	var all []string
	for line := range strings.Lines(string(seen)) {
		for _, moment := range []string{"before ", "after "} {
			all = append(all, moment+strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// arm asks the office for an act where it passes next.
func (d *drill) arm(act string, chance float64, at string) error {
	next := filepath.Join(d.site.dir, "next")
	if err := os.WriteFile(next, fmt.Appendf(nil, "%s\t%f\t%s", act, chance, at), 0o600); err != nil {
		return fmt.Errorf("arm: %w", err)
	}
	if err := os.Rename(next, d.site.armed); err != nil {
		return fmt.Errorf("arm: %w", err)
	}
	return nil
}

// awaitArmed waits until the office has done what it was asked for, or takes the order back. It tells which.
func (d *drill) awaitArmed(ctx context.Context, limit time.Duration) (bool, error) {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		if _, err := os.Stat(d.site.armed); errors.Is(err, os.ErrNotExist) {
			return true, nil
		}
		if !pause(ctx, lookPause) {
			return false, ctx.Err()
		}
	}
	err := os.Remove(d.site.armed)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	return false, err
}

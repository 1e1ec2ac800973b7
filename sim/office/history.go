// Package office plays histories of an office: the product's own services in processes that die, over databases and clocks that
// fail, with buyers, payers and operators. After every commit an oracle looks whether a promise is broken.
package office

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"boxoffice/sim/world"
)

const (
	restFor  = 8 * time.Hour  // without faults, in which everything is to come right
	restMost = 30 * time.Hour // if there are still messages on their way
)

// Options say which history is simulated. The same options are the same history.
type Options struct {
	Seed    uint64
	Hours   int
	Without map[world.Fault]bool // kinds of faults that are not injected
	Only    map[int]bool         // the acts of the plan that are played; nil for all
	Planted Seams
	Trace   io.Writer
}

// Outcome is what a history came to.
type Outcome struct {
	Seed      uint64
	Hash      string
	Violation string
	Promise   string        // that is broken
	Took      time.Duration // simulated
	Events    int
	Messages  int
	Orders    int
	Paid      int
	Refunds   int
	Dead      int
	Acts      []int // that were played
	Faults    map[world.Fault]int
}

// Stage is where histories are played: a directory with empty databases, of which each history gets a copy.
type Stage struct {
	dir   string
	empty templates
}

// NewStage makes a stage below a directory.
func NewStage(ctx context.Context, below string) (*Stage, error) {
	dir, err := os.MkdirTemp(directory(below), "sim-")
	if err != nil {
		return nil, err
	}
	s := &Stage{dir: dir}
	if s.empty, err = newTemplates(ctx, dir); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close removes the stage with all that is on it.
func (s *Stage) Close() error { return os.RemoveAll(s.dir) }

// directory is where the databases are: in memory, where there is such a place, because an fsync there costs nothing.
func directory(given string) string {
	const memory = "/dev/shm"
	if given != "" {
		return given
	}
	if info, err := os.Stat(memory); err == nil && info.IsDir() {
		return memory
	}
	return os.TempDir()
}

// Play plays one history in a new directory, which it removes.
func (s *Stage) Play(ctx context.Context, opts Options) (result Outcome, err error) {
	place, err := os.MkdirTemp(s.dir, "history-")
	if err != nil {
		return Outcome{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(place)) }()
	w := world.New(opts.Seed, opts.Without, opts.Trace)
	o, err := openOffice(ctx, w, filepath.Clean(place), s.empty, opts.Planted)
	if err != nil {
		return Outcome{}, fmt.Errorf("open office: %w", err)
	}
	defer func() { err = errors.Join(err, o.close()) }()
	acts, err := o.open(ctx, opts)
	if err != nil {
		return Outcome{}, err
	}
	w.RunUntil(w.Start.Add(time.Duration(opts.Hours)*time.Hour), o.bury)
	o.rest()
	result = Outcome{
		Seed: opts.Seed, Hash: w.Hash(), Violation: w.Violation, Promise: w.Promise, Took: w.Now.Sub(w.Start), Events: w.Events,
		Messages: o.bus.Stored, Orders: len(o.oracle.orders), Refunds: len(o.provider.Refunds), Dead: len(o.bus.Dead), Acts: acts, Faults: w.Faults,
	}
	for _, seen := range o.oracle.orders {
		if seen.State == "PAID" {
			result.Paid++
		}
	}
	return result, nil
}

// open puts the screenings on sale and schedules the acts of the plan; it returns which.
func (o *office) open(ctx context.Context, opts Options) (played []int, err error) {
	w := o.world
	w.Settled = true // nothing disturbs the beginning
	acts := o.plan(opts.Hours)
	for _, s := range screeningsOf(w.Dice("plan"), w.Start, opts.Hours) {
		if _, err := o.processes[0].stock.AddScreening(ctx, s); err != nil {
			return nil, fmt.Errorf("put a screening on sale: %w", err)
		}
	}
	w.Settled = false
	o.provider.OnWay = o.followRefund
	o.mendRefunds(1)
	for _, a := range acts {
		if opts.Only != nil && !opts.Only[a.n] {
			continue
		}
		played = append(played, a.n)
		w.After(a.at, fmt.Sprintf("act %d: %s", a.n, a.what), world.Anybody, a.do)
	}
	return played, nil
}

// plan is what happens from outside in a history: a few rushes for tickets, and what goes wrong around them.
func (o *office) plan(hours int) []act {
	w := o.world
	dice := w.Dice("plan")
	var acts []act
	add := func(at time.Duration, what string, do func(ctx context.Context)) {
		acts = append(acts, act{at: at, what: what, do: do})
	}
	screenings := screeningsOf(dice, w.Start, hours)
	day := time.Duration(hours) * time.Hour
	var rushes []time.Duration
	for range 3 {
		rush := time.Minute + time.Duration(dice.Int64N(int64(day*4/5)))
		rushes = append(rushes, rush)
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
	o.setBack(w.Dice("restore"), rushes, add)
	slices.SortStableFunc(acts, func(a, b act) int { return cmp.Compare(a.at, b.at) })
	for i := range acts {
		acts[i].n = i
	}
	return acts
}

// rest ends all faults, and lets the office come to rest.
func (o *office) rest() {
	w := o.world
	w.Settled = true
	w.Note("no more faults")
	o.rightClocks()
	end := w.Now.Add(restMost)
	for w.RunUntil(w.Now.Add(restFor), o.bury); w.Violation == "" && o.bus.Pending > 0 && w.Now.Before(end); {
		w.RunUntil(w.Now.Add(time.Hour), o.bury)
	}
	if w.Violation == "" {
		o.oracle.settled()
	}
}

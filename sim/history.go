package main

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

// options say which history is simulated. The same options are the same history.
type options struct {
	seed    uint64
	hours   int
	without map[world.Fault]bool // kinds of faults that are not injected
	only    map[int]bool         // the acts of the plan that are played; nil for all
	planted seams
	trace   io.Writer
}

// outcome is what a history came to.
type outcome struct {
	seed      uint64
	hash      string
	violation string
	promise   string        // that is broken
	took      time.Duration // simulated
	events    int
	messages  int
	orders    int
	paid      int
	refunds   int
	dead      int
	acts      []int // that were played
	faults    map[world.Fault]int
}

// simulate plays one history in a new directory, which it removes.
func simulate(ctx context.Context, dir string, from templates, opts options) (result outcome, err error) {
	place, err := os.MkdirTemp(dir, "history-")
	if err != nil {
		return outcome{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(place)) }()
	w := world.New(opts.seed, opts.without, opts.trace)
	o, err := openOffice(ctx, w, filepath.Clean(place), from, opts.planted)
	if err != nil {
		return outcome{}, fmt.Errorf("open office: %w", err)
	}
	defer func() { err = errors.Join(err, o.close()) }()
	acts, err := o.open(ctx, opts)
	if err != nil {
		return outcome{}, err
	}
	w.RunUntil(w.Start.Add(time.Duration(opts.hours)*time.Hour), o.bury)
	o.rest()
	result = outcome{
		seed: opts.seed, hash: w.Hash(), violation: w.Violation, promise: w.Promise, took: w.Now.Sub(w.Start), events: w.Events,
		messages: o.bus.Stored, orders: len(o.oracle.orders), refunds: len(o.provider.Refunds), dead: len(o.bus.Dead), acts: acts, faults: w.Faults,
	}
	for _, seen := range o.oracle.orders {
		if seen.State == "PAID" {
			result.paid++
		}
	}
	return result, nil
}

// open puts the screenings on sale and schedules the acts of the plan; it returns which.
func (o *office) open(ctx context.Context, opts options) (played []int, err error) {
	w := o.world
	w.Settled = true // nothing disturbs the beginning
	acts := o.plan(opts.hours)
	for _, s := range screeningsOf(w.Dice("plan"), w.Start, opts.hours) {
		if _, err := o.processes[0].stock.AddScreening(ctx, s); err != nil {
			return nil, fmt.Errorf("put a screening on sale: %w", err)
		}
		o.oracle.screenings[s.ID].limitMax = s.PerUserLimit
	}
	w.Settled = false
	for _, a := range acts {
		if opts.only != nil && !opts.only[a.n] {
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

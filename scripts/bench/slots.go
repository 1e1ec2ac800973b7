package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"time"

	"boxoffice/broker"
)

// bench is one run.
type bench struct {
	settings
	home   home
	log    *slog.Logger
	root   string // directory of all data
	getenv func(string) string
	pools  map[string]int // best pool size of a tuned baseline
	child  programs
}

// slot measures one variant once: it opens what it measures on fresh data, measures, checks the invariants and closes.
type slot struct {
	name   string
	groups []string // of goals that need it
	run    func(context.Context) (figures, error)
}

// slots is every measurement of a round.
func (b *bench) slots() []slot {
	return []slot{
		{"ours", []string{"core", "http"}, b.sellSlot("ours", b.openOurs)},
		{"ours again", []string{"core"}, b.sellSlot("ours again", b.openOurs)},
		{"naive", []string{"core"}, b.sellSlot("naive", func(ctx context.Context, r *rig) (shop, error) { return openNaive(ctx, r) })},
		{"tuned", []string{"core"}, b.sellSlot("tuned", func(ctx context.Context, r *rig) (shop, error) { return openTuned(ctx, r, b.pools["tuned"]) })},
		{"plain", []string{"core"}, b.sellSlot("plain", func(ctx context.Context, r *rig) (shop, error) { return openPlain(ctx, r, b.pools["plain"]) })},
		{"ours HTTP", []string{"http"}, b.webSlot("ours HTTP", func(ctx context.Context, r *rig, buyers int) (shop, error) {
			return b.openWebOffice(ctx, r, buyers, webCapacity)
		})},
		{"naive HTTP", []string{"http"}, b.webSlot("naive HTTP", b.openWebNaive)},
		{"counts", []string{"counts"}, func(ctx context.Context) (figures, error) {
			c, err := b.count(ctx, buyersDefault, countedPurchases)
			if err != nil {
				return nil, err
			}
			return c.figures(), nil
		}},
		{"noop", []string{"core", "http"}, b.sellSlot("noop", func(ctx context.Context, r *rig) (shop, error) { return openNoop(ctx, r) })},
	}
}

// wanted is the slots of the groups, or with the names, that were asked for.
func (b *bench) wanted() []slot {
	asked := func(name string) bool { return slices.Contains(b.only, name) }
	return slices.DeleteFunc(b.slots(), func(s slot) bool { return !asked(s.name) && !slices.ContainsFunc(s.groups, asked) })
}

func (b *bench) openOurs(ctx context.Context, r *rig) (shop, error) {
	return openOffice(ctx, r, officeOptions{})
}

// sellSlot sells to the usual number of buyers without HTTP.
func (b *bench) sellSlot(name string, open func(context.Context, *rig) (shop, error)) func(context.Context) (figures, error) {
	return func(ctx context.Context) (figures, error) {
		got, err := b.sellOn(ctx, b.home, open, buyersDefault, b.slot)
		if err != nil {
			return nil, err
		}
		return got.figures(name), nil
	}
}

// webSlot sells to the usual number of buyers over HTTP.
func (b *bench) webSlot(name string, open func(context.Context, *rig, int) (shop, error)) func(context.Context) (figures, error) {
	return func(ctx context.Context) (figures, error) {
		got, err := b.onWeb(ctx, open, buyersDefault)
		if err != nil {
			return nil, err
		}
		return got.figures(name), nil
	}
}

func (s sold) figures(name string) figures {
	return figures{
		name + ".orders/s": s.perSecond,
		name + ".p50 ms":   float64(s.latency.Percentile(50)) / float64(time.Millisecond),
		name + ".p99 ms":   float64(s.latency.Percentile(99)) / float64(time.Millisecond),
	}
}

// sellOn opens a shop on fresh data, sells, and closes it.
func (b *bench) sellOn(ctx context.Context, h home, open func(context.Context, *rig) (shop, error), buyers int, slot time.Duration) (got sold, err error) {
	err = b.onRig(ctx, h, func(r *rig) error {
		s, err := open(ctx, r)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		got, err = sell(ctx, s, buyers, slot)
		return err
	})
	return got, err
}

// onRig gives use a fresh rig and removes it and its data.
func (b *bench) onRig(ctx context.Context, h home, use func(*rig) error, options ...broker.Option) (err error) {
	dir, err := os.MkdirTemp(b.root, "slot-")
	if err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r, err := h.open(ctx, dir, options...)
	defer func() { err = errors.Join(err, r.close()) }()
	if err != nil {
		return err
	}
	// Every slot begins with as little garbage as the others.
	runtime.GC()
	return use(r)
}

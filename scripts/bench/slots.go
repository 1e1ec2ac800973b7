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
	tokens []string // of buyers
}

// slot measures one variant once: it opens what it measures on fresh data, measures, checks the invariants and closes.
type slot struct {
	name   string
	groups []string // of goals that need it
	run    func(context.Context) (figures, error)
}

// slots is every measurement of a round.
func (b *bench) slots() []slot {
	tuned := func(ctx context.Context, r *rig) (shop, error) { return openTuned(ctx, r, b.pools["tuned"]) }
	plain := func(ctx context.Context, r *rig) (shop, error) { return openPlain(ctx, r, b.pools["plain"]) }
	naive := func(ctx context.Context, r *rig) (shop, error) { return openNaive(ctx, r) }
	noop := func(ctx context.Context, r *rig) (shop, error) { return openNoop(ctx, r) }
	everysec := func(ctx context.Context, r *rig) (shop, error) { return openRedis(ctx, r, "everysec") }
	always := func(ctx context.Context, r *rig) (shop, error) { return openRedis(ctx, r, "always") }
	return []slot{
		{"ours", []string{"core", "http", "crowd", redisGroup}, b.sellSlot("ours", b.openOurs, buyersDefault)},
		{"ours again", []string{"core"}, b.sellSlot("ours again", b.openOurs, buyersDefault)},
		{"naive", []string{"core"}, b.sellSlot("naive", naive, buyersDefault)},
		{"tuned", []string{"core"}, b.sellSlot("tuned", tuned, buyersDefault)},
		{"plain", []string{"core"}, b.sellSlot("plain", plain, buyersDefault)},
		{"noop", []string{"core", "http"}, b.sellSlot("noop", noop, buyersDefault)},

		{redisEverysec, []string{redisGroup}, b.sellSlot(redisEverysec, everysec, buyersDefault)},
		{redisAlways, []string{redisGroup}, b.sellSlot(redisAlways, always, buyersDefault)},

		{"ours HTTP", []string{"http", "crowd"}, b.webSlot("ours HTTP", b.openHot, buyersDefault)},
		{"naive HTTP", []string{"http"}, b.webSlot("naive HTTP", b.openWebNaive, buyersDefault)},

		{"counts", []string{"counts"}, b.countSlot},

		{"sold out HTTP", []string{"soldout"}, b.webSlot("sold out HTTP", b.openSoldOut, buyersDefault)},
		{"echo HTTP", []string{"soldout"}, b.webSlot("echo HTTP", b.openEcho, buyersDefault)},
		{"sold out", []string{"soldout"}, b.countSoldOut},

		{"ours alone", []string{"latency"}, b.aloneSlot("ours alone", b.openOurs)},
		{"tuned alone", []string{"latency"}, b.aloneSlot("tuned alone", tuned)},

		{"overload", []string{"overload"}, b.overload},

		{"ours crowded", []string{"crowd"}, b.sellSlot("ours crowded", b.openOurs, buyersCrowd)},
		{"ours crowded HTTP", []string{"crowd"}, b.webSlot("ours crowded HTTP", b.openHot, buyersCrowd)},

		{"pay ours", []string{"payments"}, b.payOurs},
		{"pay each", []string{"payments"}, b.payEach},

		{"expiry ours", []string{"expiry"}, b.expireOurs},
		{"expiry each", []string{"expiry"}, b.expireEach},

		{"rows few", []string{"growth"}, b.fewSlot("rows few", b.fewRows)},
		{"rows many", []string{"growth"}, b.manySlot("rows many", "rows", asItIs)},
		{"rows kept", []string{"growth"}, b.manySlot("rows kept", "kept", asItIs)},
		{"rows archived", []string{"growth"}, b.manySlot("rows archived", "archived", asItIs)},
		{"pending few", []string{"growth"}, b.fewSlot("pending few", b.fewPending)},
		{"pending many", []string{"growth"}, b.manySlot("pending many", "pending", emptyTables)},

		{"home embedded", []string{"homes"}, b.homeSlot("home embedded", func() (home, error) { return embeddedHome(b.log), nil })},
		{"home stack", []string{"homes"}, b.homeSlot("home stack", func() (home, error) { return stackHome(b.getenv, b.log) })},
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

// openHot starts the office itself with more tickets than there will be buyers.
func (b *bench) openHot(ctx context.Context, r *rig, buyers int) (shop, error) {
	return b.openWebOffice(ctx, r, buyers, webCapacity)
}

// sellSlot sells without HTTP.
func (b *bench) sellSlot(name string, open func(context.Context, *rig) (shop, error), buyers int) func(context.Context) (figures, error) {
	return func(ctx context.Context) (figures, error) {
		got, err := b.sellOn(ctx, b.home, open, buyers, b.slot)
		if err != nil {
			return nil, err
		}
		return got.figures(name), nil
	}
}

// homeSlot sells without HTTP on a home of its own.
func (b *bench) homeSlot(name string, find func() (home, error)) func(context.Context) (figures, error) {
	return func(ctx context.Context) (figures, error) {
		h, err := find()
		if err != nil {
			return nil, err
		}
		got, err := b.sellOn(ctx, h, b.openOurs, buyersDefault, b.slot)
		if err != nil {
			return nil, err
		}
		return got.figures(name), nil
	}
}

// webSlot sells over HTTP.
func (b *bench) webSlot(name string, open func(context.Context, *rig, int) (shop, error), buyers int) func(context.Context) (figures, error) {
	return func(ctx context.Context) (figures, error) {
		got, err := b.onWeb(ctx, open, buyers)
		if err != nil {
			return nil, err
		}
		return got.figures(name), nil
	}
}

func (s sold) figures(name string) figures {
	f := figures{name + ".orders/s": s.perSecond}
	if s.latency.Count() > 0 {
		f[name+".p50 ms"], f[name+".p99 ms"] = milliseconds(s.latency.Percentile(50)), milliseconds(s.latency.Percentile(99))
	}
	if answered := s.accepted + s.rejected; answered > 0 && s.processor > 0 {
		f[name+".processor us"] = float64(s.processor.Microseconds()) / float64(answered)
	}
	return f
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
	return errors.Join(b.onDir(ctx, h, dir, use, options...), os.RemoveAll(dir))
}

// onDir gives use a rig on data that may be there already.
func (b *bench) onDir(ctx context.Context, h home, dir string, use func(*rig) error, options ...broker.Option) (err error) {
	r, err := h.open(ctx, dir, options...)
	defer func() { err = errors.Join(err, r.close()) }()
	if err != nil {
		return err
	}
	// Every slot begins with as little garbage as the others.
	runtime.GC()
	return use(r)
}

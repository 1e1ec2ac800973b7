package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"

	"boxoffice/scripts/load/traffic"
)

// errVoid says that a slot broke an invariant or could not be measured, so that the run as a whole does not count.
var errVoid = errors.New("slots are void")

// run is the program: rounds of slots in random order, then the ratios. The verb serve is for its own child processes.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "serve" {
		return serve(ctx, args[1:], getenv, stdout)
	}
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	if s.verbose {
		log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	b := &bench{settings: s, log: log, getenv: getenv, home: embeddedHome(log), pools: map[string]int{}}
	if s.stack {
		if b.home, err = stackHome(getenv, log); err != nil {
			return err
		}
	}
	if err := b.findRedis(stderr); err != nil {
		return err
	}
	if b.root, err = os.MkdirTemp(s.dir, "boxoffice-bench-"); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(b.root) }()
	stopProfile, err := startProfile(s.profile)
	if err != nil {
		return err
	}
	result, err := b.measure(ctx, stderr)
	err = errors.Join(err, stopProfile())
	if err != nil {
		return err
	}
	return result.print(stdout)
}

// measure prepares what all rounds share and runs them.
func (b *bench) measure(ctx context.Context, progress io.Writer) (*outcome, error) {
	slots := b.wanted()
	if err := b.prepare(ctx, slots); err != nil {
		return nil, err
	}
	o := newOutcome(b)
	random := rand.New(rand.NewPCG(b.seed, 0))
	var done atomic.Int64
	stop := traffic.ShowProgress(ctx, progress, "measuring", int64(b.rounds*len(slots)), done.Load)
	defer stop()
	for range b.rounds {
		round := figures{}
		if err := o.probe(b.root); err != nil {
			return nil, err
		}
		random.Shuffle(len(slots), func(i, j int) { slots[i], slots[j] = slots[j], slots[i] })
		for _, s := range slots {
			got, err := s.run(ctx)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				o.void = append(o.void, fmt.Errorf("%w: %s: %w", errVoid, s.name, err))
			}
			maps.Copy(round, got)
			done.Add(1)
		}
		o.rounds = append(o.rounds, round)
	}
	return o, nil
}

// prepare makes what slots share: the best pools of the tuned baselines, the program, and data that has grown.
func (b *bench) prepare(ctx context.Context, slots []slot) (err error) {
	needs := func(names ...string) bool {
		return slices.ContainsFunc(slots, func(s slot) bool { return slices.Contains(names, s.name) })
	}
	if needs("tuned", "tuned alone") {
		b.pools["tuned"], err = b.sweep(ctx, func(ctx context.Context, r *rig, n int) (shop, error) { return openTuned(ctx, r, n) })
		if err != nil {
			return fmt.Errorf("sweep pools of the tuned listener: %w", err)
		}
	}
	if needs("plain", "pay each", "expiry each") {
		b.pools["plain"], err = b.sweep(ctx, func(ctx context.Context, r *rig, n int) (shop, error) { return openPlain(ctx, r, n) })
		if err != nil {
			return fmt.Errorf("sweep pools of plain SQL: %w", err)
		}
	}
	if slices.ContainsFunc(slots, func(s slot) bool { return strings.HasSuffix(s.name, " HTTP") }) {
		if b.child, err = b.build(ctx); err != nil {
			return err
		}
		if b.tokens, err = signTokens(); err != nil {
			return err
		}
	}
	return b.grow(ctx, needs)
}

// startProfile profiles this process until stop is called, if a file is named.
func startProfile(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("create profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("start profile: %w", err), file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}

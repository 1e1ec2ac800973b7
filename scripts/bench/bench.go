package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"
)

// settings is the parsed command line.
type settings struct {
	stack    bool
	quick    bool
	only     []string // groups of goals, or measurements
	rounds   int
	duration time.Duration // of one measurement in one round
	seed     uint64
	dir      string // where data goes; empty is a temporary directory
	verbose  bool
	profile  string // file for a processor profile of this process
}

// bench is what all measurements of a run share.
type bench struct {
	settings
	home    home
	log     *slog.Logger
	root    string // directory of all data
	getenv  func(string) string
	pools   map[string]int // best pool size of a tuned baseline
	servers servers
}

// onFixture runs measure on a fresh fixture, which it removes with its data.
func (b *bench) onFixture(ctx context.Context, h home, measure func(*fixture) (figures, error)) (result figures, err error) {
	err = b.inNewDir(func(dir string) error {
		result, err = onFixtureIn(ctx, h, dir, measure)
		return err
	})
	return result, err
}

// inNewDir gives use a directory for the data of one measurement and removes it.
func (b *bench) inNewDir(use func(dir string) error) error {
	dir, err := os.MkdirTemp(b.root, "measurement-")
	if err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	return errors.Join(use(dir), os.RemoveAll(dir))
}

// onFixtureIn runs measure on a fixture in a directory that may have data already.
func onFixtureIn(ctx context.Context, h home, dir string, measure func(*fixture) (figures, error)) (result figures, err error) {
	f, err := h.open(ctx, dir)
	defer func() { err = errors.Join(err, f.close()) }()
	if err != nil {
		return nil, err
	}
	// Every measurement begins with as little garbage as the others.
	runtime.GC()
	return measure(f)
}

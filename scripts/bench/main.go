// Command bench measures the box office side by side with the ways in which it is usually built, on the same machine,
// message queue and database, and compares the ratios with the goals:
//
//	go run ./scripts/bench          # everything, embedded broker and SQLite
//	go run ./scripts/bench -quick   # the core, in about a minute
//	go run ./scripts/bench -stack   # on a real RocketMQ and MySQL, see scripts/stack
//
// goals.go says what is compared with what, measurements.go how each figure is measured.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is the program: it measures and prints the report, or is the server of a baseline for a run of its own.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == serveVerb {
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
	if err := b.skipRedis(stderr); err != nil {
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
	result, err := b.prepareAndMeasure(ctx, stderr)
	if err := errors.Join(err, stopProfile()); err != nil {
		return err
	}
	return result.print(stdout)
}

func (b *bench) prepareAndMeasure(ctx context.Context, progress io.Writer) (*outcome, error) {
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	return b.measure(ctx, b.measurements(), progress)
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

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"boxoffice/sim/office"
	"boxoffice/sim/world"
)

// errViolation says that a history has broken a promise.
var errViolation = errors.New("a promise is broken")

// run plays the histories that its arguments ask for.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("sim", flag.ContinueOnError)
	flags.SetOutput(out)
	list := flags.Bool("list", false, "print a line for each history")
	seeds := flags.Int("seeds", 20, "how many histories")
	from := flags.Uint64("from", 1, "the seed of the first")
	hours := flags.Int("hours", 24, "of each history, before it comes to rest")
	without := flags.String("without", "", "kinds of faults that are not injected, with commas between them")
	acts := flags.String("acts", "", "the acts that are played, with commas between them; all by default")
	trace := flags.Bool("trace", false, "print every line of the histories")
	dir := flags.String("dir", "", "where the databases are, best in memory")
	if err := flags.Parse(args); err != nil {
		return err
	}
	opts := office.Options{Hours: *hours}
	var err error
	if opts.Without, err = world.ParseFaults(*without); err != nil {
		return err
	}
	if opts.Only, err = parseActs(*acts); err != nil {
		return err
	}
	if *trace {
		opts.Trace = out
	}
	stage, err := office.NewStage(ctx, *dir)
	if err != nil {
		return err
	}
	defer func() { _ = stage.Close() }()
	sum := newReport()
	began := time.Now()
	for seed := *from; seed < *from+uint64(*seeds) && ctx.Err() == nil; seed++ {
		opts.Seed = seed
		result, err := stage.Play(ctx, opts)
		if err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
		sum.add(result)
		if result.Violation != "" {
			if err := explain(ctx, out, stage.Play, opts, result); err != nil {
				return err
			}
		}
		if *list {
			_, _ = fmt.Fprintf(out, "%d %s: %d events, %d orders, %d paid\n", seed, result.Hash, result.Events, result.Orders, result.Paid)
		}
	}
	sum.print(out, time.Since(began))
	if sum.violations > 0 {
		return errViolation
	}
	return nil
}

// explain prints a history that has broken a promise, and the shortest one that can be found which breaks the same.
func explain(ctx context.Context, out io.Writer, play player, opts office.Options, result office.Outcome) error {
	_, _ = fmt.Fprintf(out, "seed %d: %s\n  %s\n", opts.Seed, result.Violation, commandOf(opts))
	opts.Trace = nil
	shorter, shortest, err := shrink(ctx, play, opts, result)
	if err != nil {
		return fmt.Errorf("shrink seed %d: %w", opts.Seed, err)
	}
	_, _ = fmt.Fprintf(out, "  %d acts instead of %d, %d kinds of faults: %s\n  %s\n", len(shortest.Acts), len(result.Acts), len(shortest.Faults),
		shortest.Violation, commandOf(shorter))
	return nil
}

func parseActs(list string) (map[int]bool, error) {
	if list == "" {
		return nil, nil
	}
	only := map[int]bool{}
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("acts: %w", err)
		}
		only[n] = true
	}
	return only, nil
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"boxoffice/scripts/load/traffic"
)

// outcome is what a run measured.
type outcome struct {
	bench  *bench
	rounds []figures
	fsync  *traffic.Latency
	cpu    cpu     // at the beginning
	void   []error // why measurements do not count
}

func newOutcome(b *bench) *outcome {
	return &outcome{bench: b, fsync: traffic.NewLatency(), cpu: readCPU()}
}

// line is one goal in the machine-readable part.
type line struct {
	Goal    string  `json:"goal"`
	Ratio   float64 `json:"ratio"`
	Low     float64 `json:"ci_low"`
	High    float64 `json:"ci_high"`
	Target  float64 `json:"target"`
	Stretch float64 `json:"stretch"`
	AtMost  bool    `json:"at_most,omitempty"`
	Met     bool    `json:"met"`
}

// print writes the tables and then a line of JSON for each goal. It fails when a measurement was void.
func (o *outcome) print(out io.Writer) error {
	b := o.bench
	ms := func(p float64) float64 { return milliseconds(o.fsync.Percentile(p)) }
	_, _ = fmt.Fprintf(out, "home %s, %d rounds of %s, %d buyers, seed %d, pools %v\n",
		b.home.name, b.rounds, b.duration, buyersDefault, b.seed, b.pools)
	_, _ = fmt.Fprintf(out, "fsync of 4 KiB: p50 %.3f ms, p99 %.3f ms; processor time stolen by the host: %.1f %%\n\n",
		ms(50), ms(99), 100*readCPU().steal(o.cpu))
	if err := errors.Join(o.printFigures(out), o.printGoals(out)); err != nil {
		return err
	}
	return errors.Join(o.void...)
}

func (o *outcome) printFigures(out io.Writer) error {
	var names []string
	for _, round := range o.rounds {
		for name := range round {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "figure\tmedian\tlowest\thighest\tvalid rounds")
	for _, name := range names {
		var values []float64
		for _, round := range o.rounds {
			if v, ok := round[name]; ok {
				values = append(values, v)
			}
		}
		_, _ = fmt.Fprintf(table, "%s\t%.4g\t%.4g\t%.4g\t%d\n", name, median(values), slices.Min(values), slices.Max(values), len(values))
	}
	_, _ = fmt.Fprintln(table)
	return table.Flush()
}

func (o *outcome) lines() []line {
	var lines []line
	measured := measurementNames(o.bench.only)
	for _, g := range goals() {
		if !containsAll(measured, g.measurements()) {
			continue
		}
		var ratios []float64
		for _, round := range o.rounds {
			if r := g.ratio(round); !math.IsNaN(r) {
				ratios = append(ratios, r)
			}
		}
		l := line{Goal: g.name, Target: g.target, Stretch: g.stretch, AtMost: g.bound == atMost}
		if len(ratios) > 0 {
			i := bootstrap(ratios, o.bench.seed)
			l.Ratio, l.Low, l.High, l.Met = i.Median, i.Low, i.High, g.met(i)
		}
		lines = append(lines, l)
	}
	return lines
}

func (o *outcome) printGoals(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "goal\tratio\t95 % interval\ttarget\tstretch\t")
	lines := o.lines()
	for _, l := range lines {
		sign, met := ">=", "missed"
		if l.AtMost {
			sign = "<="
		}
		if l.Met {
			met = "met"
		}
		_, _ = fmt.Fprintf(table, "%s\t%.4g\t%.4g to %.4g\t%s %g\t%g\t%s\n", l.Goal, l.Ratio, l.Low, l.High, sign, l.Target, l.Stretch, met)
	}
	_, _ = fmt.Fprintln(table)
	if err := table.Flush(); err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	for _, l := range lines {
		if err := encoder.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

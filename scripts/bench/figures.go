package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

const (
	resamples  = 10_000
	confidence = 0.95
)

// perSecond is the unit of throughput: order rows that came into being in a second.
const perSecond = "orders/s"

// figures are what was measured: by unit in a measurement's result, and by measurement and unit, joined by a dot, in a
// round's.
type figures map[string]float64

// measurement measures one thing once in each round.
type measurement struct {
	name string
	run  measureFunc
}

// measureFunc opens what it measures on fresh data, measures it, verifies what is left, closes it, and returns its
// figures by unit.
type measureFunc func(context.Context) (figures, error)

// add takes a measurement's figures into those of its round.
func (f figures) add(measurement string, measured figures) {
	for unit, value := range measured {
		f[measurement+"."+unit] = value
	}
}

// value finds what a goal names.
func (f figures) value(figure string) (value float64, ok bool) {
	if !strings.Contains(figure, ".") {
		figure += "." + perSecond
	}
	value, ok = f[figure]
	return value, ok
}

// interval is a median with its confidence interval.
type interval struct{ Median, Low, High float64 }

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// bootstrap estimates the interval in which the median lies: it draws rounds again, with replacement, and takes the
// middle of the medians of all draws. The same seed gives the same interval.
func bootstrap(values []float64, seed uint64) interval {
	random := rand.New(rand.NewPCG(seed, uint64(len(values))))
	medians := make([]float64, resamples)
	draw := make([]float64, len(values))
	for i := range medians {
		for j := range draw {
			draw[j] = values[random.IntN(len(values))]
		}
		medians[i] = median(draw)
	}
	slices.Sort(medians)
	tail := (1 - confidence) / 2
	return interval{
		Median: median(values),
		Low:    medians[int(tail*resamples)],
		High:   medians[int((1-tail)*resamples)-1],
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

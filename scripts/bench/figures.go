package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	resamples  = 10_000
	confidence = 0.95
)

// figures are what the slots of one round measured, by name.
type figures map[string]float64

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

// bootstrap draws rounds again, with replacement, and takes the interval in which the median of a draw mostly lies. The
// same seed gives the same interval.
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

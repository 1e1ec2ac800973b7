package main

import "math"

// ratio is a goal's value in one round. It is NaN when a measurement of the round is missing or void.
func (g goal) ratio(f figures) float64 {
	value, ok := f.value(g.figure)
	if !ok {
		return math.NaN()
	}
	if g.against == "" {
		return value
	}
	against, ok := f.value(g.against)
	if !ok || against == 0 {
		return math.NaN()
	}
	return value / against
}

// met judges by the bound of the interval that speaks against the goal.
func (g goal) met(i interval) bool {
	switch g.bound {
	case atMost:
		return i.High <= g.target
	case equal:
		return i.Low <= g.target && i.High >= g.target
	}
	return i.Low >= g.target
}

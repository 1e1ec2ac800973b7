package main

import "math"

// goal is a ratio of two figures of the same round, or one figure that is a ratio already, and what it should be. The
// bound of the confidence interval that is against us is the one that counts.
type goal struct {
	group   string
	name    string
	over    string
	under   string // empty: over is the ratio
	target  float64
	stretch float64
	atMost  bool // the ratio should be small
	same    bool // the ratio should be 1: how far it is from it is the noise of the run
}

// goals is what the project is held to.
func goals() []goal {
	return []goal{
		{group: "core", name: "the same against itself", over: "ours again.orders/s", under: "ours.orders/s", target: 1, stretch: 1, same: true},
		{group: "http", name: "full path over HTTP, against naive over HTTP", over: "ours HTTP.orders/s", under: "naive HTTP.orders/s", target: 20, stretch: 30},
		{group: "core", name: "full path, against naive", over: "ours.orders/s", under: "naive.orders/s", target: 35, stretch: 60},
		{group: "core", name: "full path, against the best tuned listener with a message per order", over: "ours.orders/s", under: "tuned.orders/s", target: 10, stretch: 20},
		{group: "core", name: "full path, against plain tuned SQL without a queue", over: "ours.orders/s", under: "plain.orders/s", target: 3, stretch: 5},
		{group: "core", name: "full path, against the no-op listener", over: "ours.orders/s", under: "noop.orders/s", target: 5, stretch: 10},
		{group: "http", name: "full path over HTTP, against the no-op listener without HTTP", over: "ours HTTP.orders/s", under: "noop.orders/s", target: 3, stretch: 5},
		{group: "counts", name: "fsyncs per accepted order", over: "counts.fsyncs", target: 0.03, stretch: 0.02, atMost: true},
		{group: "counts", name: "SQL statements per accepted order", over: "counts.statements", target: 0.1, stretch: 0.05, atMost: true},
		{group: "counts", name: "broker requests per accepted order", over: "counts.frames", target: 0.1, stretch: 0.05, atMost: true},
	}
}

// ratio is NaN when a slot of the round is missing or void.
func (g goal) ratio(f figures) float64 {
	over, ok := f[g.over]
	if !ok {
		return math.NaN()
	}
	if g.under == "" {
		return over
	}
	under, ok := f[g.under]
	if !ok || under == 0 {
		return math.NaN()
	}
	return over / under
}

func (g goal) met(i interval) bool {
	switch {
	case g.same:
		return i.Low <= g.target && i.High >= g.target
	case g.atMost:
		return i.High <= g.target
	}
	return i.Low >= g.target
}

// groupNames is every group of goals in the order of their worth.
func groupNames() []string {
	return []string{"core", "http", "counts"}
}

func quickGroups() []string { return []string{"core", "http", "counts"} }

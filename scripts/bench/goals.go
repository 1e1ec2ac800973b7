package main

import (
	"slices"
	"strings"
)

// goal is what a figure, or the ratio of two figures of the same round, has to reach. A figure is named by its
// measurement and its unit, as in "ours alone.p50 ms"; without a unit it is the orders per second of that measurement.
type goal struct {
	group   string // goals are asked for by group
	name    string // in the report
	figure  string
	against string // what the figure is divided by; empty when the figure is a cost or a ratio by itself
	bound   bound
	target  float64
	stretch float64
}

// bound is the side of its target on which a value meets a goal.
type bound int

const (
	atLeast bound = iota
	atMost
	equal // how far the value is from the target is the noise of the run
)

// goals is everything that the project is held to, in the order of the report.
func goals() []goal {
	return []goal{
		// group, name in the report, figure, against which figure, bound, target, stretch target
		{"core", "the same against itself", "ours again", "ours", equal, 1, 1},
		{"http", "full path over HTTP, against naive over HTTP", "ours HTTP", "naive HTTP", atLeast, 20, 30},
		{"core", "full path, against naive", "ours", "naive", atLeast, 35, 60},
		{"core", "full path, against the best tuned listener with a message per order", "ours", "tuned", atLeast, 10, 20},
		{"core", "full path, against plain tuned SQL without a queue", "ours", "plain", atLeast, 3, 5},
		{"core", "full path, against the no-op listener", "ours", "noop", atLeast, 5, 10},
		{"http", "full path over HTTP, against the no-op listener without HTTP", "ours HTTP", "noop", atLeast, 3, 5},
		{"redis", "full path, against Redis with Lua and everysec", "ours", "redis everysec", atLeast, 1, 1.5},
		{"redis", "full path, against Redis with Lua and always", "ours", "redis always", atLeast, 2, 3},
		{"counts", "fsyncs per accepted order", "counts.fsyncs", "", atMost, 0.03, 0.02},
		{"counts", "SQL statements per accepted order", "counts.statements", "", atMost, 0.1, 0.05},
		{"counts", "broker requests per accepted order", "counts.frames", "", atMost, 0.1, 0.05},
		{"soldout", "sold-out answers over HTTP, against a bare echo of a constant", "sold out HTTP", "echo HTTP", atLeast, 0.9, 0.97},
		{"soldout", "SQL statements per sold-out answer", "sold out.statements", "", atMost, 0.01, 0.001},
		{"soldout", "messages per sold-out answer", "sold out.sends", "", atMost, 0, 0},
		{"latency", "median latency of a lone buyer, against a message per order", "ours alone.p50 ms", "tuned alone.p50 ms", atMost, 1.05, 0.9},
		{"overload", "orders under a fivefold overload, against the peak", "overload.share", "", atLeast, 0.9, 0.97},
		{"crowd", "4096 buyers, against 256", "ours crowded", "ours", atLeast, 0.95, 1.1},
		{"crowd", "4096 buyers over HTTP, against 256", "ours crowded HTTP", "ours HTTP", atLeast, 0.95, 1.1},
		{"payments", "payment callbacks, against one commit each", "pay ours.callbacks/s", "pay each.callbacks/s", atLeast, 10, 20},
		{"payments", "callbacks over HTTP of payments started here, against those of payments started elsewhere", "pay started HTTP.callbacks/s",
			"pay HTTP.callbacks/s", atLeast, 0.8, 0.95},
		{"expiry", "orders expiring at once, against a delay message per order", "expiry ours", "expiry each", atLeast, 10, 20},
		{"expiry", "lateness of expiry, 99th percentile in seconds", "expiry ours.p99 late s", "", atMost, 2, 1},
		{"growth", "cost of an order with full tables, against nearly empty ones", "rows few", "rows many", atMost, 1.3, 1.1},
		{"growth", "cost of an order after a year's were archived, against nearly empty tables", "rows kept", "rows archived", atMost, 1.1, 1.05},
		{"growth", "cost of an order with many timeouts pending, against few", "pending few", "pending many", atMost, 1.1, 1.05},
		{"homes", "embedded home, against a real RocketMQ and MySQL", "home embedded", "home stack", atLeast, 2, 3},
	}
}

// group is what goals are asked for by, and in which runs it is measured when nothing is asked for.
type group struct {
	name     string
	quick    bool // takes little: all of these together about a minute
	embedded bool // needs nothing but this machine, and a redis-server on it
	stack    bool // does not need the embedded broker's counters or its clock
}

// groups are in the order of the report.
func groups() []group {
	return []group{
		// name, quick, embedded, stack
		{"core", true, true, true},
		{"http", true, true, true},
		{"redis", false, true, true},
		{"counts", true, true, false},
		{"soldout", true, true, true},
		{"latency", true, true, true},
		{"overload", false, true, true},
		{"crowd", false, true, true},
		{"payments", false, true, true},
		{"expiry", false, true, false},
		{"growth", false, true, false},
		{"homes", false, false, true},
	}
}

// groupNames names the groups of a kind of run.
func groupNames(of func(group) bool) []string {
	var names []string
	for _, g := range groups() {
		if of(g) {
			names = append(names, g.name)
		}
	}
	return names
}

func everyGroup(group) bool { return true }

// measurementNames lists the measurements that have to run for what -only asks for: names of groups, whose goals need
// them, and names of single measurements.
func measurementNames(only []string) []string {
	var names []string
	for _, g := range goals() {
		for _, name := range g.measurements() {
			asked := slices.Contains(only, g.group) || slices.Contains(only, name)
			if asked && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// measurements lists what has to be measured to know whether a goal is met.
func (g goal) measurements() []string {
	var names []string
	for _, figure := range []string{g.figure, g.against} {
		if name, _, _ := strings.Cut(figure, "."); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func containsAll(names, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(name string) bool { return !slices.Contains(names, name) })
}

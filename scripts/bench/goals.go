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
		{group: redisGroup, name: "full path, against Redis with Lua and everysec", over: "ours.orders/s", under: redisEverysec + ".orders/s", target: 1, stretch: 1.5},
		{group: redisGroup, name: "full path, against Redis with Lua and always", over: "ours.orders/s", under: redisAlways + ".orders/s", target: 2, stretch: 3},
		{group: "counts", name: "fsyncs per accepted order", over: "counts.fsyncs", target: 0.03, stretch: 0.02, atMost: true},
		{group: "counts", name: "SQL statements per accepted order", over: "counts.statements", target: 0.1, stretch: 0.05, atMost: true},
		{group: "counts", name: "broker requests per accepted order", over: "counts.frames", target: 0.1, stretch: 0.05, atMost: true},
		{group: "soldout", name: "sold-out answers over HTTP, against a bare echo of a constant", over: "sold out HTTP.orders/s", under: "echo HTTP.orders/s", target: 0.9, stretch: 0.97},
		{group: "soldout", name: "SQL statements per sold-out answer", over: "sold out.statements", target: 0.01, stretch: 0.001, atMost: true},
		{group: "soldout", name: "messages per sold-out answer", over: "sold out.sends", atMost: true},
		{group: "latency", name: "median latency of a lone buyer, against a message per order", over: "ours alone.p50 ms", under: "tuned alone.p50 ms", target: 1.05, stretch: 0.9, atMost: true},
		{group: "overload", name: "orders under a fivefold overload, against the peak", over: "overload.share", target: 0.9, stretch: 0.97},
		{group: "crowd", name: "4096 buyers, against 256", over: "ours crowded.orders/s", under: "ours.orders/s", target: 0.95, stretch: 1.1},
		{group: "crowd", name: "4096 buyers over HTTP, against 256", over: "ours crowded HTTP.orders/s", under: "ours HTTP.orders/s", target: 0.95, stretch: 1.1},
		{group: "payments", name: "payment callbacks, against one commit each", over: "pay ours.callbacks/s", under: "pay each.callbacks/s", target: 10, stretch: 20},
		{group: "expiry", name: "orders expiring at once, against a delay message per order", over: "expiry ours.orders/s", under: "expiry each.orders/s", target: 10, stretch: 20},
		{group: "expiry", name: "lateness of expiry, 99th percentile in seconds", over: "expiry ours.p99 late s", target: 2, stretch: 1, atMost: true},
		{group: "growth", name: "cost of an order with full tables, against nearly empty ones", over: "rows few.orders/s", under: "rows many.orders/s", target: 1.3, stretch: 1.1, atMost: true},
		{group: "growth", name: "cost of an order after a year's were archived, against nearly empty tables", over: "rows kept.orders/s", under: "rows archived.orders/s", target: 1.1, stretch: 1.05, atMost: true},
		{group: "growth", name: "cost of an order with many timeouts pending, against few", over: "pending few.orders/s", under: "pending many.orders/s", target: 1.1, stretch: 1.05, atMost: true},
		{group: "homes", name: "embedded home, against a real RocketMQ and MySQL", over: "home embedded.orders/s", under: "home stack.orders/s", target: 2, stretch: 3},
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
	return []string{"core", "http", redisGroup, "counts", "soldout", "latency", "overload", "crowd", "payments", "expiry", "growth", "homes"}
}

// quickGroups fit into a minute.
func quickGroups() []string { return []string{"core", "http", "counts", "soldout", "latency"} }

// embeddedGroups need nothing but this machine, and redis what is installed on it.
func embeddedGroups() []string {
	return []string{"core", "http", redisGroup, "counts", "soldout", "latency", "overload", "crowd", "payments", "expiry", "growth"}
}

// stackGroups leaves out what needs the embedded broker's counters or clock.
func stackGroups() []string {
	return []string{"core", "http", redisGroup, "soldout", "latency", "overload", "crowd", "payments", "homes"}
}

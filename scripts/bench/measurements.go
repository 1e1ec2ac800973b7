package main

import (
	"context"
	"slices"
)

// measurements lists what has to run for the goals that were asked for. The names are those of goals.go.
func (b *bench) measurements() []measurement {
	tuned := func(ctx context.Context, f *fixture) (variant, error) { return openTuned(ctx, f, b.pools["tuned"]) }
	plain := func(ctx context.Context, f *fixture) (variant, error) { return openPlain(ctx, f, b.pools["plain"]) }
	redis := func(appendfsync string) openFunc {
		return func(ctx context.Context, f *fixture) (variant, error) { return openRedis(ctx, f, appendfsync) }
	}
	embedded := func() (home, error) { return embeddedHome(b.log), nil }
	stack := func() (home, error) { return stackHome(b.getenv, b.log) }
	all := []measurement{
		{"ours", b.throughput(openOurs, buyersDefault)},
		{"ours again", b.throughput(openOurs, buyersDefault)},
		{"naive", b.throughput(openNaive, buyersDefault)},
		{"tuned", b.throughput(tuned, buyersDefault)},
		{"plain", b.throughput(plain, buyersDefault)},
		{"noop", b.throughput(openNoop, buyersDefault)},

		{"redis everysec", b.throughput(redis("everysec"), buyersDefault)},
		{"redis always", b.throughput(redis("always"), buyersDefault)},

		{"ours HTTP", b.throughputHTTP(b.servers.openOurs, buyersDefault)},
		{"naive HTTP", b.throughputHTTP(b.servers.openNaive, buyersDefault)},

		{"counts", b.countCosts},

		{"sold out HTTP", b.throughputHTTP(b.servers.openSoldOut, buyersDefault)},
		{"echo HTTP", b.throughputHTTP(b.servers.openEcho, buyersDefault)},
		{"sold out", b.countSoldOut},

		{"ours alone", b.latencyAlone(openOurs)},
		{"tuned alone", b.latencyAlone(tuned)},

		{"overload", b.overload},

		{"ours crowded", b.throughput(openOurs, buyersCrowd)},
		{"ours crowded HTTP", b.throughputHTTP(b.servers.openOurs, buyersCrowd)},

		{"pay ours", b.payOurs},
		{"pay each", b.payEach},
		{"pay HTTP", b.payHTTP(false)},
		{"pay started HTTP", b.payHTTP(true)},

		{"expiry ours", b.expireOurs},
		{"expiry each", b.expireEach},

		{"rows few", b.throughputOnFew(b.prefillRows, rowsFew)},
		{"rows many", b.throughputOnMany("rows many")},
		{"rows kept", b.throughputOnMany("rows kept")},
		{"rows archived", b.throughputOnMany("rows archived")},
		{"pending few", b.throughputOnFew(b.prefillPending, pendingFew)},
		{"pending many", b.throughputOnManyPending("pending many")},

		{"home embedded", b.throughputOn(embedded)},
		{"home stack", b.throughputOn(stack)},
	}
	names := measurementNames(b.only)
	return slices.DeleteFunc(all, func(m measurement) bool { return !slices.Contains(names, m.name) })
}

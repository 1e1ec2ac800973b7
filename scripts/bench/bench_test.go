//go:build !race

// The RocketMQ client's push consumer has a data race of its own at start, so what starts one is tested without -race.

package main

import (
	"log/slog"
	"testing"
)

func newBench(t *testing.T) *bench {
	t.Helper()
	return &bench{log: slog.New(slog.DiscardHandler), home: embeddedHome(slog.New(slog.DiscardHandler)), root: t.TempDir(), pools: map[string]int{}}
}

// Group commit was lost to a lock held over the send, and nobody saw it because every order was still right. What an
// order costs in fsyncs, statements and frames does not depend on the machine's speed, so it can be a gate.
func TestCostsOfAnOrderAt256Buyers(t *testing.T) {
	got, err := newBench(t).count(t.Context(), buyersDefault, 40)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range goals() {
		if g.group != "counts" {
			continue
		}
		value, ok := got.figures()[g.over]
		if !ok || value > g.target {
			t.Errorf("%s: %.4f, want at most %g", g.name, value, g.target)
		}
	}
	t.Logf("%+v", got)
}

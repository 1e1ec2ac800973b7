//go:build !race

package app

import (
	"fmt"
	"testing"
)

// What streams cost was measured when somebody asked for it, and written down; a change that gave each stream a goroutine more,
// kept one after its buyer had left, or let a buffer grow would have been seen by nobody. Three hundred streams show it at once, by
// ratios that do not depend on the machine; the bound of memory is twice the goal, since few streams bear what all share.
func TestStreamsCostAsLittleAsTheyDid(t *testing.T) {
	const streams, goroutinesEach, memoryEach, rounds = 300, 1, 40.0, 4 // KiB
	l := newStreamLoad(t, "BOXOFFICE_PAY_WINDOW", "2h")
	watches := make([]watch, streams)
	for i := range watches {
		watches[i] = watch{"/v1/screenings/" + l.screening + "/events", bearer(t, fmt.Sprint("buyer-", i), "buyer")}
	}
	told := func() { l.open(watches); l.purchases("crowd", 2, 50, testDeadline) }
	told() // what is made once, and kept
	l.close()
	before, goroutines := l.memory(), l.metric("go_goroutines")
	var first float64
	for round := range rounds {
		told()
		open := l.memory()
		each := (open["heap"] + open["stack"] - before["heap"] - before["stack"]) / streams
		extra := (l.metric("go_goroutines") - goroutines) / streams
		t.Logf("round %d: %.1f KiB and %.2f goroutines each", round, each, extra)
		if each > memoryEach || extra > goroutinesEach+.2 {
			t.Errorf("a stream costs %.1f KiB and %.2f goroutines, want at most %.0f and %d", each, extra, memoryEach, goroutinesEach)
		}
		if round == 0 {
			first = each
		} else if each > 1.5*first+4 {
			t.Errorf("in round %d a stream costs %.1f KiB, in the first one %.1f: something grows", round, each, first)
		}
		l.close()
		l.eventually("the goroutines of the streams end", func() bool { return l.metric("go_goroutines") < goroutines+streams/20 })
	}
}

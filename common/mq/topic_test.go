package mq

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestLevelForTable(t *testing.T) {
	for d, want := range map[time.Duration]DelayLevel{
		-time.Second: 1, 0: 1, 999 * time.Millisecond: 1, time.Second: 1, 4999 * time.Millisecond: 1, 5 * time.Second: 2,
		15 * time.Minute: 14, 5 * time.Minute: 9, 2 * time.Hour: 18, 240 * time.Hour: 18,
	} {
		if got := LevelFor(d); got != want {
			t.Errorf("LevelFor(%v) = %d, want %d", d, got, want)
		}
	}
}

// A chain of delays must never wake before it has to go on, must end, and must pass the deadline by less than a second:
// otherwise a payment window closes early, never, or late.
func TestLevelForChainReachesItsDeadline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := time.Duration(rapid.Int64Range(1, int64(30*24*time.Hour)).Draw(t, "window"))
		left, hops := window, 0
		for left > 0 {
			step := delayLevels()[LevelFor(left)-1]
			if step > left && left >= time.Second {
				t.Fatalf("level of %v does not fit into the %v that are left", step, left)
			}
			left -= step
			hops++
		}
		if -left >= time.Second {
			t.Fatalf("chain for %v passes it by %v", window, -left)
		}
		if bound := int(window/(2*time.Hour)) + 16; hops > bound {
			t.Fatalf("chain for %v takes %d hops, more than %d", window, hops, bound)
		}
	})
}

func TestLevelForChainOfFifteenMinutes(t *testing.T) {
	var chain []time.Duration
	for left := 15 * time.Minute; left > 0; {
		step := delayLevels()[LevelFor(left)-1]
		chain = append(chain, step)
		left -= step
	}
	if len(chain) != 2 || chain[0] != 10*time.Minute || chain[1] != 5*time.Minute {
		t.Errorf("15m goes as %v, want 10m and 5m", chain)
	}
}

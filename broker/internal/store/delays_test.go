package store

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(ms int64) func() int64 { return func() int64 { return ms } }

// A delivery pass that had read the clock just before a message was stored saw
// a due time further away than the level's delay, took that for a clock set
// back, and delivered a message of two hours at once. The check-back of half
// messages had the same flaw.
func TestMessageStoredAfterTheClockWasReadIsNotDue(t *testing.T) {
	d := newDelays([]time.Duration{time.Hour})
	d.add(1, 0, 1005)
	if _, wait, _ := d.head(1, at(1000)); wait == 0 {
		t.Error("a delayed message is due 5 ms before it was stored")
	}
	h := newHalves()
	h.add(Half{Offset: 1, stored: 1005})
	if list := h.Due(at(1000), 6000); len(list) != 0 {
		t.Error("a half message is due 5 ms before it was stored")
	}
}

func TestClockSetBackMakesDueAtOnce(t *testing.T) {
	d := newDelays([]time.Duration{time.Hour})
	d.add(1, 0, 10_000_000)
	if _, wait, found := d.head(1, at(1000)); !found || wait != 0 {
		t.Errorf("delayed message waits %d ms", wait)
	}
	h := newHalves()
	h.add(Half{Offset: 1, stored: 10_000_000})
	if list := h.Due(at(1000), 6000); len(list) != 1 {
		t.Error("half message is not checked")
	}
}

// A sequence behaves like a slice that is cut at the front.
func TestSequenceIsASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s sequence[int64]
		var model []int64
		var first int64
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				for range rapid.IntRange(1, 700).Draw(t, "pushes") {
					s.push(s.next * 7)
					model = append(model, (first+int64(len(model)))*7)
				}
			case 2:
				n := first + int64(rapid.IntRange(-5, len(model)+5).Draw(t, "trim"))
				s.trim(n)
				cut := min(max(n-first, 0), int64(len(model)))
				model, first = model[cut:], first+cut
			case 3:
				if rapid.IntRange(0, 9).Draw(t, "reset") == 0 {
					first += int64(len(model)) + 3
					model = nil
					s.reset(first)
				}
			}
			if s.first != first || s.len() != int64(len(model)) || s.next != first+int64(len(model)) {
				t.Fatalf("first %d next %d, want %d and %d", s.first, s.next, first, first+int64(len(model)))
			}
			for i, v := range model {
				if got := s.at(first + int64(i)); got != v {
					t.Fatalf("at %d: %d, want %d", first+int64(i), got, v)
				}
			}
		}
	})
}

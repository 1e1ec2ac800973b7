package sentence

import (
	"encoding/json"
	"testing"
	"time"
)

// Whatever a value holds, also what looks like a place of another one, is told as it is.
func TestSentenceInEnglishAndByCode(t *testing.T) {
	s := New("money_waits", "{money} of {buyer} waits since {age}, {count} times, since {at}, and is {state}",
		"money", Amount{4900, "CNY"}, "buyer", "{age} {x}", "age", 90*time.Second, "count", 2,
		"at", time.Date(2026, 12, 1, 8, 0, 0, 5e6, time.FixedZone("", 3600)), "state", Word{"payment_result", "parked"})
	want := "4900 CNY of {age} {x} waits since 1m30s, 2 times, since 2026-12-01T07:00:00Z, and is parked"
	if got := s.String(); got != want {
		t.Errorf("in English %q, want %q", got, want)
	}
	encoded, err := json.Marshal(s)
	want = `{"code":"money_waits","values":{"age":{"milliseconds":90000},"at":{"time":"2026-12-01T07:00:00.005Z"},"buyer":"{age} {x}",` +
		`"count":2,"money":{"amount":4900,"currency":"CNY"},"state":{"kind":"payment_result","value":"parked"}}}`
	if string(encoded) != want || err != nil {
		t.Errorf("by code %s, want %s (%v)", encoded, want, err)
	}
	if got := Join([]Sentence{New("a", "one"), New("b", "two")}); got != "one; two" {
		t.Errorf("joined %q", got)
	}
}

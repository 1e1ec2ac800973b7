package live

import (
	"errors"
	"testing"
)

func TestAdmission(t *testing.T) {
	h := New(Options{Streams: 4, BuyerStreams: 2, AddressStreams: 3})
	enter := func(buyer, address string, want error) *Place {
		t.Helper()
		p, err := h.Enter(Caller{buyer, address})
		if !errors.Is(err, want) {
			t.Errorf("%s at %s: %v, want %v", buyer, address, err, want)
		}
		return p
	}
	first := enter("a", "1", nil)
	enter("a", "1", nil)
	enter("a", "2", ErrTooMany)
	enter("b", "1", nil)
	enter("c", "1", ErrTooMany)
	enter("", "2", nil)
	enter("c", "2", ErrFull)
	first.Leave()
	first.Leave()
	enter("c", "1", nil)
	enter("c", "2", ErrFull)
}

// One machine opens as many streams of a screening as it gets, and says no name. Whoever buys meanwhile still sees the order.
func TestAnonymousCrowdLeavesPlacesToBuyers(t *testing.T) {
	h := New(Options{Streams: 8, BuyerStreams: 8})
	var crowd []*Place
	for {
		p, err := h.Enter(Caller{Address: "1"})
		if err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
		crowd = append(crowd, p)
	}
	if len(crowd) != 6 {
		t.Fatalf("a crowd has %d of 8 places, want 6", len(crowd))
	}
	for _, buyer := range []string{"a", "b"} {
		if _, err := h.Enter(Caller{buyer, "1"}); err != nil {
			t.Errorf("%s finds no place: %v", buyer, err)
		}
	}
	crowd[0].Leave()
	if _, err := h.Enter(Caller{}); err != nil {
		t.Errorf("who comes after one of the crowd has left: %v", err)
	}
	crowd[1].Leave()
	if _, err := h.Enter(Caller{"c", ""}); err != nil {
		t.Errorf("a buyer does not get what the crowd does not use: %v", err)
	}
}

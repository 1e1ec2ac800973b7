package live

import (
	"errors"
	"testing"

	"boxoffice/stock"
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
	enter("b", "1", nil)
	enter("c", "1", ErrTooMany)
	enter("", "2", nil)
	enter("c", "2", ErrFull)
	first.Leave()
	first.Leave()
	enter("c", "1", nil)
	enter("c", "2", ErrFull)
}

// The network of a phone goes away without a word, again and again, so that the streams it had seem to be open for a quarter of
// an hour. Its buyer still sees the order: the newest stream takes the place of the oldest.
func TestNewestStreamOfABuyerTakesThePlaceOfTheOldest(t *testing.T) {
	h := New(Options{Streams: 3, BuyerStreams: 2, AddressStreams: 2})
	watch := func(buyer, address string) (*Stream[Order], *watcher) {
		t.Helper()
		p, err := h.Enter(Caller{buyer, address})
		if err != nil {
			t.Fatalf("%s at %s: %v", buyer, address, err)
		}
		w := &watcher{}
		return p.WatchOrder(stock.Reservation{}, w), w
	}
	first, firstWatcher := watch("a", "1")
	_, second := watch("a", "1")
	_, other := watch("b", "2")
	_, third := watch("a", "1") // although the process, and the address, have as many as they may have
	if !firstWatcher.closed.Load() || second.closed.Load() || third.closed.Load() || other.closed.Load() {
		t.Errorf("closed: the first %v, the second %v, the third %v, another buyer's %v; want the first alone", firstWatcher.closed.Load(),
			second.closed.Load(), third.closed.Load(), other.closed.Load())
	}
	first.Close() // gives back no place: that is the third's
	if n := h.Open(); n != 3 {
		t.Errorf("%d streams are open, want 3", n)
	}
	if _, err := h.Enter(Caller{"c", "3"}); !errors.Is(err, ErrFull) {
		t.Errorf("another buyer in a full process: %v", err)
	}
}

// Whoever is refused keeps what he has.
func TestRefusedStreamTakesNoPlace(t *testing.T) {
	h := New(Options{Streams: 9, BuyerStreams: 1, AddressStreams: 1})
	p, err := h.Enter(Caller{"a", "1"})
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{}
	p.WatchOrder(stock.Reservation{}, w)
	if _, err := h.Enter(Caller{"b", "2"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Enter(Caller{"a", "2"}); !errors.Is(err, ErrTooMany) || w.closed.Load() || h.Open() != 2 {
		t.Errorf("from an address that has its streams: %v, closed %v, %d open", err, w.closed.Load(), h.Open())
	}
}

// A stream whose place is taken before it begins ends as it begins.
func TestPlaceIsTakenBeforeTheStreamBegins(t *testing.T) {
	h := New(Options{Streams: 9, BuyerStreams: 1})
	slow, err := h.Enter(Caller{Buyer: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Enter(Caller{Buyer: "a"}); err != nil {
		t.Fatal(err)
	}
	w := &watcher{}
	slow.WatchOrder(stock.Reservation{}, w).Close()
	if !w.closed.Load() || h.Open() != 1 {
		t.Errorf("closed %v, %d open, want true and 1", w.closed.Load(), h.Open())
	}
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

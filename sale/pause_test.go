package sale

import (
	"context"
	"errors"
	"sync"
	"testing"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/stock"
)

func pause(t testing.TB, s *shop, screeningID string, paused bool) {
	t.Helper()
	if _, err := s.ChangeScreening(t.Context(), screeningID, stock.ScreeningChange{Paused: &paused}); err != nil {
		t.Fatal(err)
	}
}

// A process that has just read a screening as open sells nothing once another process has paused or cancelled it, and
// sells again at once when it is resumed. A repeated key finds its order all the while.
func TestPauseHoldsInEveryProcessAtOnce(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 0)
	seller := newUnstarted(s)
	other := s.process()
	first := decide(seller, Request{"alice", "k", screening.ID, 1})[0] // its cache says that the sale is open
	if first.err != nil {
		t.Fatal(first.err)
	}
	want := func(when, buyer string, err error) {
		t.Helper()
		if got := decide(seller, Request{buyer, "k", screening.ID, 1})[0]; !errors.Is(got.err, err) {
			t.Errorf("%s: %v, want %v", when, got.err, err)
		}
		if got := decide(seller, Request{"alice", "k", screening.ID, 1})[0]; got.err != nil || got.ID != first.ID {
			t.Errorf("%s: the same key is %+v, %v", when, got.Reservation, got.err)
		}
	}
	pause(t, other, screening.ID, true)
	want("paused", "bob", stock.ErrSalePaused)
	pause(t, other, screening.ID, false)
	want("resumed", "carol", nil)
	if _, err := other.CancelScreening(t.Context(), screening.ID, audit.Act{}); err != nil {
		t.Fatal(err)
	}
	want("cancelled", "dave", stock.ErrCancelled)
	wantStock(t, s, screening.ID, 8, 2, 0)
}

// Buyers who come while the sale rests share one reading, as when it is sold out, and none of them is turned away once it
// is resumed.
func TestPausedSaleIsRefusedFromReadings(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 0)
	seller := newUnstarted(s)
	seller.start(t.Context())
	t.Cleanup(seller.Close)
	pause(t, s, screening.ID, true)
	if _, err := seller.Purchase(t.Context(), Request{"alice", "k", screening.ID, 1}); !errors.Is(err, stock.ErrSalePaused) {
		t.Errorf("%v, want paused", err)
	}
	if err := seller.Refuse(t.Context(), screening.ID, "bob", "k"); !errors.Is(err, stock.ErrSalePaused) {
		t.Errorf("%v, want a refusal from a reading", err)
	}
	pause(t, s.process(), screening.ID, false)
	if err := seller.Refuse(t.Context(), screening.ID, "bob", "k"); err != nil {
		t.Errorf("%v, although it is resumed", err)
	}
	if _, err := seller.Purchase(t.Context(), Request{"bob", "k", screening.ID, 1}); err != nil {
		t.Error(err)
	}
}

// Prices change while two processes sell: every order costs what its screening does in the end, whose price the first of
// them has fixed.
func TestEveryOrderHasThePriceOfItsScreening(t *testing.T) {
	s, _ := newStock(t)
	for range 10 {
		screening := addScreening(t, s, 1000, 0)
		var running sync.WaitGroup
		for n, process := range []*shop{s.process(), s.process()} {
			running.Go(func() {
				requests := crowd(screening, 8)[4*n : 4*n+4]
				for i := range requests {
					requests[i].Key = screening.ID
				}
				for i, a := range decide(newUnstarted(process), requests...) {
					if a.err != nil {
						t.Errorf("purchase %d of process %d: %v", i, n, a.err)
					}
				}
			})
		}
		for amount := range int64(8) {
			price := event.Money{Amount: amount + 1, Currency: "CNY"}
			_, err := s.ChangeScreening(t.Context(), screening.ID, stock.ScreeningChange{Price: &price})
			if err != nil && !errors.Is(err, stock.ErrPriceFixed) {
				t.Error(err)
			}
		}
		running.Wait()
		final, err := s.Screening(context.Background(), screening.ID)
		if err != nil {
			t.Fatal(err)
		}
		sold, err := s.OrderKeys(t.Context(), screening.ID, 0, "", 100)
		if err != nil || len(sold) != 8 {
			t.Fatalf("%d orders, %v", len(sold), err)
		}
		for _, order := range sold {
			r, err := s.Reservation(t.Context(), order.BuyerID, order.OrderID)
			if err != nil || r.Amount != final.Price {
				t.Errorf("an order costs %+v, its screening %+v, %v", r.Amount, final.Price, err)
			}
		}
	}
}

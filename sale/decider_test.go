package sale

import (
	"errors"
	"testing"
	"time"

	"boxoffice/stock"
)

// A decider answers as a seller does, in the order of the requests, with the ids that it was told to make.
func TestDeciderAnswersInOrder(t *testing.T) {
	s, clock := newStock(t)
	screening := addScreening(t, s, 3, 0)
	made := 0
	d := NewDecider(s.Stock, Options{Now: clock.Now, Ages: clock.Now, NewID: func(now time.Time) string {
		made++
		return stock.NewID(now)
	}}, storedAtOnce)
	got := d.Decide(t.Context(),
		Request{BuyerID: "alice", Key: "1", ScreeningID: screening.ID, Quantity: 2},
		Request{BuyerID: "bob", Key: "", ScreeningID: screening.ID, Quantity: 1},
		Request{BuyerID: "carol", Key: "1", ScreeningID: screening.ID, Quantity: 2},
		Request{BuyerID: "alice", Key: "1", ScreeningID: screening.ID, Quantity: 2},
	)
	if got[0].Err != nil || got[3].Err != nil || got[0].ID != got[3].ID {
		t.Errorf("one key bought %q (%v) and %q (%v)", got[0].ID, got[0].Err, got[3].ID, got[3].Err)
	}
	if !errors.Is(got[1].Err, stock.ErrInvalid) || !errors.Is(got[2].Err, stock.ErrSoldOut) {
		t.Errorf("answered %v and %v, want invalid and sold out", got[1].Err, got[2].Err)
	}
	if made != 2 {
		t.Errorf("%d ids were made, want those of an order and a transaction", made)
	}
}

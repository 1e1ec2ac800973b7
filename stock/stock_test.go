package stock

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock/stocktest"
)

const (
	opening   = stocktest.Opening
	payWindow = time.Minute
	patience  = 60 * time.Second
)

func newStock(t *testing.T) (*Stock, *stocktest.Clock) {
	t.Helper()
	c := stocktest.NewClock()
	return New(stocktest.NewDB(t), Options{Now: c.Now}), c
}

// addScreening puts tickets at 49.00 on sale for a day; limit 0 is none.
func addScreening(t *testing.T, s *Stock, capacity, limit int64) Screening {
	t.Helper()
	now := s.now()
	screening, err := s.AddScreening(t.Context(), Screening{
		Movie: "Metropolis", Venue: "Rex", StartsAt: now.Add(48 * time.Hour), Capacity: capacity, PerUserLimit: limit,
		Price: event.Money{Amount: 4900, Currency: "CNY"}, SaleOpensAt: now, SaleClosesAt: now.Add(24 * time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return screening
}

// execute is the local transaction of a list whose half message is stored at once.
func (s *Stock) execute(ctx context.Context, l ReservationList) (mq.Outcome, error) {
	local := s.Begin(ctx, l)
	return local.Commit(ctx), local.Err()
}

// handMade makes a list by hand, to bring to the local transaction what a plan would not have admitted.
func handMade(screening Screening, quantity int64, buyers ...string) ReservationList {
	l := ReservationList{TxID: NewID(time.UnixMilli(opening)), Tickets: map[string]int64{}, TermsVersions: map[string]int64{}}
	for _, buyer := range buyers {
		l.Orders = append(l.Orders, event.Order{
			ID: NewID(time.UnixMilli(opening)), ScreeningID: screening.ID, BuyerID: buyer, Quantity: quantity,
			Amount: event.Money{Amount: 1, Currency: "CNY"}, CreatedAt: opening, ExpiresAt: opening + 1,
			LatePayment: screening.LatePayment,
		})
		l.Requests = append(l.Requests, RequestID(buyer, "k"))
		l.Tickets[screening.ID] += quantity
		l.TermsVersions[screening.ID] = screening.TermsVersion
		if screening.PerUserLimit > 0 {
			l.Holdings = append(l.Holdings, HoldingChange{
				Holding: Holding{screening.ID, buyer}, Quantity: quantity, Limit: screening.PerUserLimit,
			})
		}
	}
	return l
}

// buy reserves as a plan of one purchase would, and demands that it works. A repeated key is the order that is there.
func buy(t *testing.T, s *Stock, screeningID, buyer, key string, quantity int64) Reservation {
	t.Helper()
	id := RequestID(buyer, key)
	known, err := s.Snapshot(t.Context(), []Lookup{{id, screeningID, buyer}})
	if err != nil {
		t.Fatal(err)
	}
	if r, exists := known.Reservations[id]; exists {
		return r
	}
	screening := known.Screenings[screeningID]
	l := handMade(screening, quantity, buyer)
	now := s.now()
	l.Requests[0], l.Orders[0].ID = id, NewID(now)
	l.Orders[0].CreatedAt, l.Orders[0].ExpiresAt = now.UnixMilli(), now.Add(payWindow).UnixMilli()
	l.Orders[0].Amount = event.Money{Amount: quantity * screening.Price.Amount, Currency: screening.Price.Currency}
	for i := range l.Holdings {
		_, l.Holdings[i].Exists = known.Holdings[l.Holdings[i].Holding]
	}
	if outcome, err := s.execute(t.Context(), l); outcome != mq.Commit {
		t.Fatalf("buy %d for %s: %v, %v", quantity, buyer, outcome, err)
	}
	return Reservation{Order: l.Orders[0], State: Held}
}

// mustSell sells a ticket to each of the buyers.
func mustSell(t *testing.T, s *Stock, screeningID string, buyers ...string) {
	t.Helper()
	for _, buyer := range buyers {
		buy(t, s, screeningID, buyer, "k", 1)
	}
}

// crowd is the names of n buyers.
func crowd(n int) []string {
	buyers := make([]string, n)
	for i := range buyers {
		buyers[i] = fmt.Sprint("buyer-", i)
	}
	return buyers
}

// exec changes the database behind the back of stock.
func exec(t *testing.T, s *Stock, statement string, args ...any) {
	t.Helper()
	dbtest.Exec(t, s.db, statement, args...)
}

// wantStock compares the counters and checks everything that must always hold.
func wantStock(t testing.TB, s *Stock, screeningID string, available, reserved, sold int64) {
	t.Helper()
	got, err := s.Screening(context.Background(), screeningID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Available != available || got.Reserved != reserved || got.Sold != sold {
		t.Errorf("%d available, %d reserved, %d sold; want %d, %d, %d",
			got.Available, got.Reserved, got.Sold, available, reserved, sold)
	}
	for _, violation := range stocktest.Violations(t, s.db) {
		t.Error(violation)
	}
}

func settle(t *testing.T, s *Stock, outcome event.Outcome, ids ...string) {
	t.Helper()
	var e event.Settled
	for _, id := range ids {
		e.Orders = append(e.Orders, event.SettledOrder{OrderID: id, Outcome: outcome})
	}
	if _, err := s.Settle(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

package sale

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"boxoffice/common/batch"
	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

const (
	opening  = stocktest.Opening
	patience = 60 * time.Second
)

// shop is stock in a fresh database, and what tests look at beside it.
type shop struct {
	*stock.Stock
	db    *db.DB
	clock *stocktest.Clock
}

func newStock(t testing.TB) (*shop, *stocktest.Clock) {
	t.Helper()
	s := openShop(stocktest.NewDB(t), stocktest.NewClock())
	return s, s.clock
}

func openShop(d *db.DB, c *stocktest.Clock) *shop {
	return &shop{stock.New(d, stock.Options{Now: c.Now}), d, c}
}

// process is another process on the same database.
func (s *shop) process() *shop { return openShop(s.db, s.clock) }

// addScreening puts tickets at 49.00 on sale for a day; limit 0 is none.
func addScreening(t testing.TB, s *shop, capacity, limit int64) stock.Screening {
	t.Helper()
	now := s.clock.Now()
	screening, err := s.AddScreening(t.Context(), stock.Screening{
		Movie: "Metropolis", Venue: "Rex", StartsAt: now.Add(48 * time.Hour), Capacity: capacity, PerUserLimit: limit,
		Price: event.Money{Amount: 4900, Currency: "CNY"}, SaleOpensAt: now, SaleClosesAt: now.Add(24 * time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return screening
}

type answer struct {
	Bought
	err error
}

// storedAtOnce is a message queue that stores every half message and runs its local transaction at once.
func storedAtOnce(ctx context.Context, _ stock.ReservationList, local func(context.Context) mq.Outcome) (mq.Outcome, error) {
	return local(ctx), nil
}

// newUnstarted is a seller whose lists tests hand over with decide.
func newUnstarted(s *shop) *Seller {
	return newSeller(s.Stock, Options{Now: s.clock.Now}, storedAtOnce)
}

// decide hands the requests over as one list and returns their answers.
func decide(s *Seller, requests ...Request) []answer {
	first, release := make(chan struct{}), make(chan struct{})
	group := batch.Start(context.Background(), batch.Options{
		Max: len(requests) + 1, Workers: 1, Queue: len(requests) + 1, Wait: time.Minute, Timeout: time.Minute,
	}, func(ctx context.Context, calls []*call) {
		if calls[0].In == (Request{}) {
			close(first)
			<-release
			return
		}
		s.sell(ctx, gather(calls))
	})
	answers := make([]answer, len(requests))
	var callers sync.WaitGroup
	callers.Go(func() { _, _ = group.Do(context.Background(), Request{}) })
	<-first
	for i, r := range requests {
		callers.Go(func() { answers[i].Bought, answers[i].err = group.Do(context.Background(), r) })
		for group.Waiting() <= i {
			runtime.Gosched()
		}
	}
	close(release)
	callers.Wait()
	group.Close()
	return answers
}

// crowd is the purchases of n buyers who want a ticket each.
func crowd(screening stock.Screening, n int) []Request {
	requests := make([]Request, n)
	for i := range requests {
		requests[i] = Request{fmt.Sprintf("buyer-%d", i), "k", screening.ID, 1}
	}
	return requests
}

// exec changes the database behind the back of stock.
func exec(t testing.TB, s *shop, statement string, args ...any) {
	t.Helper()
	dbtest.Exec(t, s.db, statement, args...)
}

// buy reserves and demands that it works.
func buy(t *testing.T, s *shop, screeningID, buyer, key string, quantity int64) stock.Reservation {
	t.Helper()
	got := decide(newUnstarted(s), Request{buyer, key, screeningID, quantity})[0]
	if got.err != nil {
		t.Fatalf("buy %d for %s: %v", quantity, buyer, got.err)
	}
	return got.Reservation
}

// mustSell sells a ticket to each of the buyers, in one list.
func mustSell(t *testing.T, s *shop, screening string, buyers ...string) {
	t.Helper()
	var requests []Request
	for _, buyer := range buyers {
		requests = append(requests, Request{BuyerID: buyer, Key: "k", ScreeningID: screening, Quantity: 1})
	}
	for _, a := range decide(newUnstarted(s), requests...) {
		if a.err != nil {
			t.Fatal(a.err)
		}
	}
}

// wantStock compares the counters and checks everything that must always hold.
func wantStock(t testing.TB, s *shop, screeningID string, available, reserved, sold int64) {
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

func settle(t *testing.T, s *shop, outcome event.Outcome, ids ...string) {
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

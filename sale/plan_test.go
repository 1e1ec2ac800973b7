package sale

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock"
)

func TestReserveHoldsTickets(t *testing.T) {
	s, c := newStock(t)
	screening := addScreening(t, s, 10, 4)
	got := buy(t, s, screening.ID, "alice", "k", 3)
	want := stock.Reservation{State: stock.Held, Order: event.Order{
		ID: got.ID, ScreeningID: screening.ID, BuyerID: "alice", Quantity: 3,
		Amount:    event.Money{Amount: 14700, Currency: "CNY"},
		CreatedAt: opening, ExpiresAt: c.Now().Add(15 * time.Minute).UnixMilli(),
	}}
	if got != want || len(got.ID) != 26 {
		t.Errorf("reserved %+v, want %+v", got, want)
	}
	stored, err := s.Reservation(t.Context(), "alice", got.ID)
	if err != nil || stored != want {
		t.Errorf("stored %+v, %v", stored, err)
	}
	wantStock(t, s, screening.ID, 7, 3, 0)
}

// An order is sold under what its screening says then.
func TestOrderKeepsWhatBecomesOfLateMoney(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 0)
	before := buy(t, s, screening.ID, "alice", "k1", 1)
	policy := event.LateRevive
	if _, err := s.ChangeScreening(t.Context(), screening.ID, stock.ScreeningChange{LatePayment: &policy}); err != nil {
		t.Fatal(err)
	}
	after := buy(t, s, screening.ID, "alice", "k2", 1)
	stored, err := s.ReservationsOf(t.Context(), before.ID, after.ID)
	if err != nil || stored[before.ID].LatePayment != event.LateRefund || stored[after.ID].LatePayment != event.LateRevive ||
		after.LatePayment != event.LateRevive {
		t.Errorf("stored %+v, %v", stored, err)
	}
}

func TestPurchaseRefusals(t *testing.T) {
	s, c := newStock(t)
	screening := addScreening(t, s, 10, 4)
	later := addScreening(t, s, 10, 0)
	opens := c.Now().Add(time.Hour)
	if _, err := s.ChangeScreening(t.Context(), later.ID, stock.ScreeningChange{SaleOpensAt: &opens}); err != nil {
		t.Fatal(err)
	}
	buy(t, s, screening.ID, "alice", "k", 3)
	buy(t, s, screening.ID, "bob", "k", 4)
	for name, refused := range map[string]struct {
		request Request
		want    error
	}{
		"no such screening":             {Request{"carol", "k", "nowhere", 1}, stock.ErrScreeningNotFound},
		"sale not open":                 {Request{"carol", "k", later.ID, 1}, stock.ErrSaleNotOpen},
		"over the limit at once":        {Request{"carol", "k", screening.ID, 5}, stock.ErrLimitExceeded},
		"over the limit with the first": {Request{"alice", "k2", screening.ID, 2}, stock.ErrLimitExceeded},
		"more than is left":             {Request{"carol", "k", screening.ID, 4}, stock.ErrSoldOut},
		"key used for another quantity": {Request{"alice", "k", screening.ID, 1}, ErrKeyReused},
		"key used for another showing":  {Request{"alice", "k", later.ID, 3}, ErrKeyReused},
	} {
		t.Run(name, func(t *testing.T) {
			seller := newUnstarted(s)
			wantErr(t, decide(seller, refused.request)[0].err, refused.want)
		})
	}
	c.Advance(24 * time.Hour)
	seller := newUnstarted(s)
	wantErr(t, decide(seller, Request{"carol", "k", screening.ID, 1})[0].err, stock.ErrSaleClosed)
	if again := buy(t, s, screening.ID, "alice", "k", 3); again.CreatedAt != opening {
		t.Errorf("a retry after the sale has closed answers %+v, want the order that is there", again)
	}
	wantStock(t, s, screening.ID, 3, 7, 0)
}

func TestConcurrentBuyersSellExactly(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 0)
	requests := crowd(screening, 100)
	seller := newUnstarted(s)
	var sold atomic.Int64
	var lists sync.WaitGroup
	for list := range slices.Chunk(requests, 10) {
		lists.Go(func() {
			for _, got := range decide(seller, list...) {
				if got.err == nil {
					sold.Add(1)
				} else {
					wantErr(t, got.err, stock.ErrSoldOut)
				}
			}
		})
	}
	lists.Wait()
	if sold.Load() != 10 {
		t.Errorf("sold %d tickets of 10", sold.Load())
	}
	wantStock(t, s, screening.ID, 0, 10, 0)
}

// Two processes do not see each other's lists in flight: only the guards of the local transaction keep them apart.
// Both plan before either writes, so the second to write has to notice.
func TestTwoProcessesSellExactly(t *testing.T) {
	const buyers, each = 5, 2
	for name, c := range map[string]struct {
		capacity, limit, before int64 // before: tickets that each buyer has already
		key                     func(process int) string
	}{
		"last tickets":      {buyers * each, 0, 0, strconv.Itoa},
		"limit":             {1000, each, 0, strconv.Itoa},
		"rest of the limit": {1000, each + 1, 1, strconv.Itoa},
		"one key":           {1000, 0, 0, func(int) string { return "k" }},
	} {
		t.Run(name, func(t *testing.T) {
			office, _ := newStock(t)
			screening := addScreening(t, office, c.capacity, c.limit)
			for i := range buyers {
				if c.before > 0 {
					buy(t, office, screening.ID, fmt.Sprintf("buyer-%d", i), "before", c.before)
				}
			}
			var planned sync.WaitGroup
			planned.Add(2)
			answers := make(chan []answer)
			for process := range 2 {
				meet := sync.OnceFunc(func() { planned.Done(); planned.Wait() })
				s := newSeller(office.process().Stock, Options{Now: office.clock.Now, OnHalf: func(int) { meet() }}, storedAtOnce)
				var requests []Request
				for i := range buyers {
					requests = append(requests, Request{fmt.Sprintf("buyer-%d", i), c.key(process), screening.ID, each})
				}
				go func() { answers <- decide(s, requests...) }()
			}
			orders := map[string]bool{}
			for range 2 {
				for _, got := range <-answers {
					if got.err == nil {
						orders[got.ID] = true
					}
				}
			}
			if len(orders) != buyers {
				t.Errorf("%d purchases were accepted, want %d", len(orders), buyers)
			}
			taken := buyers * (each + c.before)
			wantStock(t, office, screening.ID, c.capacity-taken, taken, 0)
		})
	}
}

// A list in flight may still fail. Another list that finds too few tickets beside it waits; it is told "sold out" only
// by the database.
func TestSoldOutIsNeverSaidForAListInFlight(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1, 0)
	seller := newUnstarted(s)
	first, err := seller.plan(t.Context(), []*purchase{{id: stock.RequestID("alice", "k"), request: Request{"alice", "k", screening.ID, 1}}})
	if err != nil || len(first.admitted) != 1 {
		t.Fatalf("plan %+v, %v", first, err)
	}
	second, err := seller.plan(t.Context(), []*purchase{{id: stock.RequestID("bob", "k"), request: Request{"bob", "k", screening.ID, 1}}})
	if err != nil || len(second.admitted) != 0 || len(second.waiting) != 1 {
		t.Fatalf("plan beside a list in flight: %+v, %v, want bob to wait", second, err)
	}
	seller.inFlight.end(first.claim)
	second.wait(t.Context())
	third, err := seller.plan(t.Context(), second.waiting)
	if err != nil || len(third.admitted) != 1 {
		t.Errorf("plan after the other list has failed: %+v, %v, want bob admitted", third, err)
	}
}

// One buyer's purchase conflicted at every try: the database took its key for one that was there, and the process for
// a new one. Every list that held it was planned again until its rounds were up, and 200 of 200 honest buyers were told
// that the office is busy. Such a purchase ends up alone in its list.
func TestPurchaseThatAlwaysConflictsSinksNoOther(t *testing.T) {
	s, _ := newStock(t)
	if s.db.Name() != "sqlite" {
		t.Skip("makes the conflict by a trigger of SQLite")
	}
	screening := addScreening(t, s, 1000, 0)
	for _, statement := range []string{
		`INSERT INTO fences VALUES ('taken', 'committed')`,
		`CREATE TRIGGER conflict AFTER INSERT ON reservations WHEN NEW.buyer_id = 'mallory'
			BEGIN INSERT INTO fences VALUES ('taken', 'committed'); END`,
	} {
		exec(t, s, statement)
	}
	seller := newUnstarted(s)
	requests := append([]Request{{"mallory", "k", screening.ID, 1}}, crowd(screening, 63)...)
	answers := decide(seller, requests...)
	wantErr(t, answers[0].err, ErrBusy)
	for i, got := range answers[1:] {
		if got.err != nil {
			t.Fatalf("buyer %d: %v", i, got.err)
		}
	}
	wantStock(t, s, screening.ID, 937, 63, 0)
}

// newCountingSeller makes a seller whose sender does nothing but run the local transaction, and counts its half messages.
func newCountingSeller(s *shop) (seller *Seller, halves *int) {
	halves = new(int)
	return newSeller(s.Stock, Options{Now: s.clock.Now}, func(ctx context.Context, _ stock.ReservationList,
		local func(context.Context) mq.Outcome) (mq.Outcome, error) {
		*halves++
		return local(ctx), nil
	}), halves
}

// After a failover the database answered pings and refused every write. A ping after the failure said that all was
// well, so each list was split down to single purchases: 510 half messages for 256 purchases, and every buyer got an
// internal error. The write's own error says that the database is unavailable.
func TestDatabaseThatRefusesWritesCostsOneHalfMessage(t *testing.T) {
	s, _ := newStock(t)
	if s.db.Name() != "sqlite" {
		t.Skip("makes the whole server read-only")
	}
	screening := addScreening(t, s, 1000, 0)
	seller, halves := newCountingSeller(s)
	// The one writing connection keeps the setting: it answers, and reads, and refuses to write with SQLITE_READONLY.
	exec(t, s, `PRAGMA query_only = 1`)
	if err := s.db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, got := range decide(seller, crowd(screening, 64)...) {
		wantErr(t, got.err, stock.ErrUnavailable)
	}
	if *halves != 1 {
		t.Errorf("%d half messages for one list, want 1", *halves)
	}
}

// A database may refuse everybody in words that nobody has listed, as a table does that needs a repair. Each list was split down to
// single purchases: 127 half messages for 64. Two buyers who are refused for the same say it for all; many bad purchases of
// one buyer sink nobody else.
func TestUnknownRefusalOfEverybodyCostsFewHalfMessages(t *testing.T) {
	s, _ := newStock(t)
	if s.db.Name() != "sqlite" {
		t.Skip("has a trigger of SQLite")
	}
	screening := addScreening(t, s, 1000, 0)
	seller, halves := newCountingSeller(s)
	requests := crowd(screening, 64)
	const bad = 24 // so that some of them come one after the other, in whatever order they are planned
	for i := range bad {
		requests[i].BuyerID, requests[i].Key = "mallory", fmt.Sprint("key-", i)
	}
	exec(t, s, `CREATE TRIGGER one BEFORE INSERT ON reservations WHEN NEW.buyer_id = 'mallory' BEGIN SELECT RAISE(ABORT, 'bad'); END`)
	for i, got := range decide(seller, requests...) {
		if (got.err != nil) != (i < bad) {
			t.Errorf("purchase %d beside bad ones: %v", i, got.err)
		}
	}
	wantStock(t, s, screening.ID, 1000-64+bad, 64-bad, 0)

	exec(t, s, `CREATE TRIGGER everybody BEFORE INSERT ON reservations BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	*halves = 0
	requests = crowd(screening, 64)
	for i := range requests {
		requests[i].Key += "-again"
	}
	for i, got := range decide(seller, requests...) {
		if got.err == nil || errors.Is(got.err, stock.ErrUnavailable) {
			t.Errorf("purchase %d of a broken database: %v", i, got.err)
		}
	}
	if *halves > 8 {
		t.Errorf("%d half messages for a list of which nothing can be stored, want 8", *halves)
	}
	exec(t, s, `DROP TRIGGER everybody`)
	for i, got := range decide(seller, requests[bad:]...) {
		if got.err != nil {
			t.Errorf("purchase %d once it is repaired: %v", i, got.err)
		}
	}
}

package stock

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/common/batch"
	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/sql"
)

const opening = 1_795_000_000_000

// clock is the time of one test, moved by hand.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(opening)
	return c
}

func (c *clock) Now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func newDB(t *testing.T) *db.DB {
	t.Helper()
	migrations, err := sql.Stock()
	if err != nil {
		t.Fatal(err)
	}
	return dbtest.New(t, migrations)
}

func newStock(t *testing.T) (*Stock, *clock) {
	t.Helper()
	c := newClock()
	return New(newDB(t), Options{Now: c.Now}), c
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

type answer struct {
	Reservation
	err error
}

// execute is the local transaction of a list whose half message is stored at once.
func (s *Stock) execute(ctx context.Context, l reserveList) (mq.Outcome, error) {
	d := s.draft(ctx, l)
	return d.commit(ctx), d.err
}

// storedAtOnce is a message queue that stores every half message and runs its local transaction at once.
func storedAtOnce(ctx context.Context, _ reserveList, local func(context.Context) mq.Outcome) (mq.Outcome, error) {
	return local(ctx), nil
}

// newPlanner is the seller of a process of its own, whose lists tests hand over with decide.
func newPlanner(s *Stock) *Seller { return newSeller(s, storedAtOnce) }

// decide hands the requests over as one list and returns their answers.
func decide(s *Seller, requests ...PurchaseRequest) []answer {
	first, release := make(chan struct{}), make(chan struct{})
	group := batch.Start(context.Background(), batch.Options{
		Max: len(requests) + 1, Workers: 1, Queue: len(requests) + 1, Timeout: time.Minute,
	}, func(ctx context.Context, calls []*call) {
		if calls[0].In == (PurchaseRequest{}) {
			close(first)
			<-release
			return
		}
		s.sell(ctx, gather(calls))
	})
	answers := make([]answer, len(requests))
	var callers sync.WaitGroup
	callers.Go(func() { _, _ = group.Do(context.Background(), PurchaseRequest{}) })
	<-first
	for i, r := range requests {
		callers.Go(func() { answers[i].Reservation, answers[i].err = group.Do(context.Background(), r) })
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
func crowd(screening Screening, n int) []PurchaseRequest {
	requests := make([]PurchaseRequest, n)
	for i := range requests {
		requests[i] = PurchaseRequest{fmt.Sprintf("buyer-%d", i), "k", screening.ID, 1}
	}
	return requests
}

// exec changes the database behind the back of stock.
func exec(t *testing.T, s *Stock, statement string, args ...any) {
	t.Helper()
	if err := s.db.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), statement, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// buy reserves and demands that it works.
func buy(t *testing.T, s *Stock, screeningID, buyer, key string, quantity int64) Reservation {
	t.Helper()
	seller := newPlanner(s)
	got := decide(seller, PurchaseRequest{buyer, key, screeningID, quantity})[0]
	if got.err != nil {
		t.Fatalf("buy %d for %s: %v", quantity, buyer, got.err)
	}
	return got.Reservation
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
	for _, violation := range violations(t, s) {
		t.Error(violation)
	}
}

// violations looks for rows that contradict each other, in the whole database.
func violations(t interface{ Fatal(...any) }, s *Stock) []string {
	var found []string
	for what, query := range map[string]string{
		"counters do not add up to the capacity": `SELECT COUNT(*) FROM stock
			WHERE available + reserved + sold <> capacity OR available < 0 OR reserved < 0 OR sold < 0`,
		"counters differ from the reservations": `SELECT COUNT(*) FROM stock k WHERE
			reserved <> (SELECT COALESCE(SUM(quantity), 0) FROM reservations r
				WHERE r.screening_id = k.screening_id AND r.state = 'reserved') OR
			sold <> (SELECT COALESCE(SUM(quantity), 0) FROM reservations r
				WHERE r.screening_id = k.screening_id AND r.state = 'sold')`,
		"holdings differ from the reservations": `SELECT COUNT(*) FROM holdings h JOIN screenings s ON s.id = h.screening_id
			WHERE s.per_user_limit > 0 AND h.quantity <> (SELECT COALESCE(SUM(quantity), 0) FROM reservations r WHERE r.screening_id = h.screening_id
				AND r.buyer_id = h.buyer_id AND r.state <> 'released')`,
		"reservations under a limit lack a holding": `SELECT COUNT(*) FROM reservations r
			JOIN screenings s ON s.id = r.screening_id LEFT JOIN holdings h
				ON h.screening_id = r.screening_id AND h.buyer_id = r.buyer_id
			WHERE s.per_user_limit > 0 AND h.buyer_id IS NULL`,
		"holdings exceed the limit": `SELECT COUNT(*) FROM holdings h JOIN screenings s ON s.id = h.screening_id
			WHERE h.quantity > s.per_user_limit`,
	} {
		var n int
		if err := s.db.Reader().Get(&n, query); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			found = append(found, what)
		}
	}
	return found
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

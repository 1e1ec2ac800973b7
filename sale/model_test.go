package sale

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

type modelOrder struct {
	request Request
	state   stock.ReservationState
	id      string // the order's
}

// model is what stock should be, in memory, for one screening.
type model struct {
	s         *shop
	clock     *stocktest.Clock
	run       int // keeps the orders of one run apart from those of the others in the same database
	screening stock.Screening
	capacity  int64
	orders    map[string]*modelOrder // by request id
	lastTxID  string
	lastState mq.Outcome
}

func (m *model) sum(wanted func(*modelOrder) bool) (n int64) {
	for _, o := range m.orders {
		if wanted(o) {
			n += o.request.Quantity
		}
	}
	return n
}

func (m *model) in(state stock.ReservationState) int64 {
	return m.sum(func(o *modelOrder) bool { return o.state == state })
}

func (m *model) available() int64 { return m.capacity - m.in(stock.Held) - m.in(stock.Sold) }

func (m *model) held(buyer string) int64 {
	return m.sum(func(o *modelOrder) bool { return o.request.BuyerID == buyer && o.state != stock.Released })
}

// purchase sells a list whose local transaction may meet a check-back while it is written, or not be run at all.
func (m *model) purchase(t *rapid.T) {
	requests := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Request {
		return Request{
			BuyerID:     fmt.Sprintf("buyer-%d-%d", m.run, rapid.IntRange(0, 3).Draw(t, "buyer")),
			Key:         fmt.Sprintf("k%d", rapid.IntRange(0, 5).Draw(t, "key")),
			ScreeningID: m.screening.ID, Quantity: rapid.Int64Range(1, 4).Draw(t, "quantity"),
		}
	}), 1, 6).Draw(t, "requests")
	fault := rapid.SampledFrom([]string{"none", "none", "none", "check meanwhile", "not run"}).Draw(t, "fault")
	away := errors.New("away")
	seller := newSeller(m.s.Stock, Options{PayWindow: time.Hour, Now: m.clock.Now}, func(ctx context.Context,
		l stock.ReservationList, local func(context.Context) mq.Outcome) (mq.Outcome, error) {
		m.lastTxID = l.TxID
		switch fault {
		case "check meanwhile":
			fault = "none"
			// It may win, or find the database busy with the transaction that it asks about, and give up.
			ctx, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			m.s.Check(ctx, mq.Half{TxID: l.TxID})
			cancel()
		case "not run":
			m.lastState = mq.Rollback
			return mq.Unknown, away
		}
		m.lastState = local(ctx)
		return m.lastState, nil
	})
	before := maps.Clone(m.orders)
	answers := decide(seller, requests...)
	for i, got := range answers {
		m.enter(t, requests[i], got)
	}
	for i, got := range answers {
		if got.err != nil && !errors.Is(got.err, away) && !errors.Is(got.err, errQueueAway) {
			m.judge(t, requests[i], got.err, before)
		}
	}
}

func (m *model) enter(t *rapid.T, r Request, got answer) {
	id := stock.RequestID(r.BuyerID, r.Key)
	known := m.orders[id]
	switch {
	case got.err != nil:
	case known == nil:
		m.orders[id] = &modelOrder{id: got.ID, request: r, state: stock.Held}
	case known.request != r || got.State != known.state || got.ID != known.id:
		t.Fatalf("%+v answered with %+v, known as %+v", r, got.Reservation, known)
	}
}

// judge accepts every refusal that some order of the list's purchases explains.
func (m *model) judge(t *rapid.T, r Request, err error, before map[string]*modelOrder) {
	id := stock.RequestID(r.BuyerID, r.Key)
	known := m.orders[id]
	if known != nil && (before[id] != nil || known.request == r) && (known.request == r || !errors.Is(err, ErrKeyReused)) {
		t.Fatalf("%+v: %v, known as %+v", r, err, known)
	}
	switch {
	case errors.Is(err, ErrKeyReused) && known != nil:
	case errors.Is(err, stock.ErrSoldOut) && r.Quantity > m.available():
	case errors.Is(err, stock.ErrLimitExceeded) && m.screening.PerUserLimit > 0 &&
		m.held(r.BuyerID)+r.Quantity > m.screening.PerUserLimit:
	default:
		t.Fatalf("%+v: %v, with %d available and %d held", r, err, m.available(), m.held(r.BuyerID))
	}
}

func (m *model) settle(t *rapid.T) {
	ids := []string{"an unknown order"}
	byID := map[string]*modelOrder{}
	for _, o := range m.orders {
		ids = append(ids, o.id)
		byID[o.id] = o
	}
	slices.Sort(ids)
	var e event.Settled
	for _, id := range rapid.SliceOfN(rapid.SampledFrom(ids), 1, 6).Draw(t, "orders") {
		outcome := rapid.SampledFrom([]event.Outcome{event.Paid, event.Cancelled}).Draw(t, "outcome")
		e.Orders = append(e.Orders, event.SettledOrder{OrderID: id, Outcome: outcome})
	}
	if _, err := m.s.Settle(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	for _, o := range e.Orders {
		if known := byID[o.OrderID]; known != nil && known.state == stock.Held {
			known.state = map[event.Outcome]stock.ReservationState{event.Paid: stock.Sold, event.Cancelled: stock.Released}[o.Outcome]
		}
	}
}

func (m *model) check(t *rapid.T) {
	if m.lastTxID == "" {
		t.Skip("nothing to check yet")
	}
	if got := m.s.Check(context.Background(), mq.Half{TxID: m.lastTxID}); got != m.lastState {
		t.Fatalf("check: %v, want %v", got, m.lastState)
	}
}

// sweep looks at what is due: every held reservation, when its time has come.
func (m *model) sweep(t *rapid.T) {
	m.clock.Advance(24 * time.Hour)
	var due []string
	if err := m.s.db.Reader().Select(&due, `SELECT order_id FROM reservations WHERE sweep_at <= ?`, m.clock.Now().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, id := range due {
		seen[id] = true
	}
	for _, o := range m.orders {
		if seen[o.id] != (o.state == stock.Held) {
			t.Fatalf("order %s is %s, swept: %v", o.id, o.state, seen[o.id])
		}
	}
}

func (m *model) capacityChange(t *rapid.T) {
	capacity := rapid.Int64Range(1, 12).Draw(t, "capacity")
	_, err := m.s.ChangeScreening(context.Background(), m.screening.ID, stock.ScreeningChange{Capacity: &capacity})
	switch taken := m.in(stock.Held) + m.in(stock.Sold); {
	case err == nil && capacity >= taken:
		m.capacity = capacity
	case !errors.Is(err, stock.ErrCapacityTooSmall) || capacity >= taken:
		t.Fatalf("capacity %d with %d taken: %v", capacity, taken, err)
	}
}

func (m *model) compare(t *rapid.T) {
	got, err := m.s.Screening(context.Background(), m.screening.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Capacity != m.capacity || got.Available != m.available() || got.Reserved != m.in(stock.Held) || got.Sold != m.in(stock.Sold) {
		t.Fatalf("database has %d: %d, %d, %d; model has %d: %d, %d, %d", got.Capacity, got.Available, got.Reserved,
			got.Sold, m.capacity, m.available(), m.in(stock.Held), m.in(stock.Sold))
	}
}

// compareRows looks at every row, which is too slow to do after each step.
func (m *model) compareRows(t *rapid.T) {
	var ids []string
	for _, o := range m.orders {
		ids = append(ids, o.id)
	}
	rows, err := m.s.ReservationsOf(context.Background(), append(ids, "x")...)
	if err != nil || len(rows) != len(m.orders) {
		t.Fatalf("%d reservations, %v; model has %d", len(rows), err, len(m.orders))
	}
	for _, o := range m.orders {
		if stored := rows[o.id]; stored.State != o.state || stored.Quantity != o.request.Quantity {
			t.Fatalf("order %s is %+v; model has %+v", o.id, stored, o)
		}
	}
	if found := stocktest.Violations(t, m.s.db); len(found) > 0 {
		t.Fatal(found)
	}
}

// Whatever purchases, check-backs, settlements, sweeps and changes of capacity come in whatever order, the rows are
// what a simple model says they are. A failure prints the seed that replays it.
func TestSalesAreWhatTheModelSays(t *testing.T) {
	s, c := newStock(t)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		limit := rapid.SampledFrom([]int64{0, 2, 3}).Draw(rt, "limit")
		m := &model{s: s, clock: c, run: run, capacity: 8, orders: map[string]*modelOrder{}}
		m.screening = addScreening(t, s, m.capacity, limit)
		closes := c.Now().Add(10 * 365 * 24 * time.Hour)
		if _, err := s.ChangeScreening(t.Context(), m.screening.ID, stock.ScreeningChange{SaleClosesAt: &closes}); err != nil {
			rt.Fatal(err)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"purchase": m.purchase, "settle": m.settle, "check": m.check, "sweep": m.sweep,
			"capacity": m.capacityChange, "": m.compare,
		})
		m.compareRows(rt)
		// What this run leaves held must not be swept in the next one.
		if err := s.db.InTx(t.Context(), func(tx *db.Tx) error {
			for _, table := range []string{"reservations", "holdings", "stock"} {
				if _, err := tx.Exec(`DELETE FROM ` + table); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			rt.Fatal(err)
		}
	})
}

package stock

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"boxoffice/common/event"
	"boxoffice/stock/stocktest"
)

func TestSumsTellOnlyOfListsThatAreHeldAsAWhole(t *testing.T) {
	s, _ := newStock(t)
	free, other, limited := addScreening(t, s, 20, 0), addScreening(t, s, 20, 0), addScreening(t, s, 20, 4)
	a, b := buy(t, s, free.ID, "alice", "k1", 1).ID, buy(t, s, free.ID, "bob", "k1", 2).ID
	c, held := buy(t, s, other.ID, "alice", "k2", 3).ID, buy(t, s, limited.ID, "alice", "k3", 2).ID
	sold, released := buy(t, s, free.ID, "carol", "k1", 1).ID, buy(t, s, free.ID, "carol", "k2", 1).ID
	settle(t, s, event.Paid, sold)
	settle(t, s, event.Cancelled, released)
	for name, test := range map[string]struct {
		ids  []string
		next ReservationState
		want bool
	}{
		"held":                      {[]string{a, b}, Sold, true},
		"held, to be released":      {[]string{a, b}, Released, true},
		"of two screenings":         {[]string{a, b, c}, Sold, true},
		"under a limit":             {[]string{a, held}, Sold, true},
		"back to a limit":           {[]string{a, held}, Released, false},
		"one that is sold":          {[]string{a, sold}, Sold, false},
		"one that is sold the lost": {[]string{a, sold}, Released, false},
		"one that is released":      {[]string{a, released}, Sold, false},
		"one that is absent":        {[]string{a, "absent"}, Sold, false},
	} {
		t.Run(name, func(t *testing.T) {
			change := newSettlement()
			added, err := s.addSums(t.Context(), change, test.ids, test.next)
			if err != nil || added != test.want || added == change.empty() || !added && len(change.tickets) > 0 {
				t.Errorf("addSums = %t, %v with %+v, want %t", added, err, change, test.want)
			}
		})
	}
}

// settleRows is Settle without the sums.
func (s *Stock) settleRows(ctx context.Context, t *testing.T, list []event.SettledOrder) {
	t.Helper()
	ids := map[event.Outcome][]string{}
	for i, o := range list {
		if slices.ContainsFunc(list[:i], func(before event.SettledOrder) bool { return before.OrderID == o.OrderID }) {
			continue
		}
		ids[o.Outcome] = append(ids[o.Outcome], o.OrderID)
	}
	change := newSettlement()
	for outcome, ids := range ids {
		if err := s.addEach(ctx, change, ids, outcome); err != nil {
			t.Fatal(err)
		}
	}
	if err := inTx(t, s, change.apply); err != nil {
		t.Fatal(err)
	}
}

// house is one of two sets of screenings that see the same purchases and settlements.
type house struct {
	*Stock
	screenings []Screening
	orders     []string
}

type houseOrder struct {
	screening, buyer int
	quantity         int64
}

func (s *Stock) newHouse(t *testing.T, limits []int64, purchases []houseOrder) *house {
	t.Helper()
	h := &house{Stock: s}
	for _, limit := range limits {
		h.screenings = append(h.screenings, addScreening(t, s, 50, limit))
	}
	for i, p := range purchases {
		screening := h.screenings[p.screening]
		h.orders = append(h.orders, buy(t, s, screening.ID, fmt.Sprint("buyer-", p.buyer), fmt.Sprint(screening.ID, "-", i), p.quantity).ID)
	}
	h.orders = append(h.orders, "absent-0", "absent-1")
	return h
}

// rows is all that the database says of the house, by the numbers of its screenings and orders.
func (h *house) rows(t *testing.T) (rows []string) {
	t.Helper()
	add := func(query string, n int, id string) {
		var found []struct{ What, A, B, C string }
		if err := h.db.Reader().SelectContext(t.Context(), &found, query, id); err != nil {
			t.Fatal(err)
		}
		for _, row := range found {
			rows = append(rows, strings.Join([]string{row.What, fmt.Sprint(n), row.A, row.B, row.C}, " "))
		}
	}
	for n, screening := range h.screenings {
		add(`SELECT 'stock' AS what, available AS a, reserved AS b, sold AS c FROM stock WHERE screening_id = ?`, n, screening.ID)
		add(`SELECT 'holding' AS what, buyer_id AS a, quantity AS b, '' AS c FROM holdings WHERE screening_id = ? ORDER BY buyer_id`, n, screening.ID)
	}
	for n, id := range h.orders {
		add(`SELECT 'order' AS what, state AS a, COALESCE(settled_at, 0) AS b, COALESCE(sweep_at, 0) AS c
			FROM reservations WHERE order_id = ?`, n, id)
	}
	return rows
}

func drawPurchases(r *rapid.T, limits []int64) []houseOrder {
	left := map[[2]int]int64{}
	var purchases []houseOrder
	for range rapid.IntRange(1, 8).Draw(r, "purchases") {
		p := houseOrder{
			screening: rapid.IntRange(0, len(limits)-1).Draw(r, "screening"), buyer: rapid.IntRange(0, 2).Draw(r, "buyer"),
			quantity: rapid.Int64Range(1, 3).Draw(r, "quantity"),
		}
		key := [2]int{p.screening, p.buyer}
		if limit := limits[p.screening]; limit == 0 || left[key]+p.quantity <= limit {
			left[key] += p.quantity
			purchases = append(purchases, p)
		}
	}
	return purchases
}

// Whatever the lists, settling by sums must leave the rows that settling reservation by reservation leaves.
func TestSettlingBySumsIsSettlingRowByRow(t *testing.T) {
	s, c := newStock(t)
	settled := 0
	rapid.Check(t, func(r *rapid.T) {
		limits := rapid.SliceOfN(rapid.SampledFrom([]int64{0, 0, 5}), 1, 3).Draw(r, "limits")
		purchases := drawPurchases(r, limits)
		sums, each := s.newHouse(t, limits, purchases), s.newHouse(t, limits, purchases)
		for range rapid.IntRange(1, 3).Draw(r, "messages") {
			c.Advance(time.Second)
			spread := rapid.SampledFrom([]int{0, 0, 2}).Draw(r, "absent")
			outcomes := rapid.SampledFrom([][]event.Outcome{{event.Paid}, {event.Cancelled}, {event.Paid, event.Cancelled}}).Draw(r, "outcomes")
			var got, want []event.SettledOrder
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, len(purchases)-1+spread), 1, 6).Draw(r, "orders") {
				outcome := rapid.SampledFrom(outcomes).Draw(r, "outcome")
				got = append(got, event.SettledOrder{OrderID: sums.orders[n], Outcome: outcome})
				want = append(want, event.SettledOrder{OrderID: each.orders[n], Outcome: outcome})
			}
			before := sums.rows(t)
			if _, err := s.Settle(t.Context(), event.Settled{Orders: got}); err != nil {
				r.Fatal(err)
			}
			s.settleRows(t.Context(), t, want)
			after := sums.rows(t)
			if want := each.rows(t); !slices.Equal(after, want) {
				r.Fatalf("rows\n%s\nwant\n%s", strings.Join(after, "\n"), strings.Join(want, "\n"))
			}
			if !slices.Equal(before, after) {
				settled++
			}
		}
		if found := stocktest.Violations(t, s.db); len(found) > 0 {
			r.Fatal(found)
		}
	})
	if settled == 0 {
		t.Error("no message settled anything")
	}
}

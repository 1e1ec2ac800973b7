package inquiry

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/keyset"
	"boxoffice/order"
)

// Every combination of filters, page by page, against a list that is searched without an index.
func TestSearchFindsWhatIsThere(t *testing.T) {
	o := newOffice(t)
	random := rand.New(rand.NewPCG(1, 2))
	var all []Found // newest last
	for range 120 {
		if random.IntN(3) > 0 { // some have the same time
			o.advance(time.Duration(random.IntN(5)) * time.Millisecond)
		}
		b := o.bought(fmt.Sprint("scr-", random.IntN(3)), fmt.Sprint("buyer-", random.IntN(4)))
		status := Statuses()[random.IntN(4)]
		o.add(b, status)
		all = append(all, Found{Order: b, Status: status})
	}
	slices.SortFunc(all, func(a, b Found) int { // of the same time the larger id is the newer
		if a.CreatedAt != b.CreatedAt {
			return int(b.CreatedAt - a.CreatedAt)
		}
		if a.ID > b.ID {
			return -1
		}
		return 1
	})
	for _, buyer := range []string{"", "buyer-1", "nobody"} {
		for _, screening := range []string{"", "scr-2"} {
			for _, status := range append(Statuses(), "") {
				f := Filter{BuyerID: buyer, ScreeningID: screening, Status: status}
				var want []string
				for _, found := range all {
					if f.matches(found) {
						want = append(want, found.ID)
					}
				}
				if got := o.searchAll(f, 7); !slices.Equal(got, want) {
					t.Errorf("%+v: found %d, want %d", f, len(got), len(want))
				}
			}
		}
	}
	one := all[17]
	for f, want := range map[Filter]int{
		{OrderID: one.ID}: 1, {OrderID: one.ID, BuyerID: one.BuyerID, ScreeningID: one.ScreeningID, Status: one.Status}: 1,
		{OrderID: one.ID, BuyerID: "somebody"}: 0, {OrderID: "absent"}: 0,
	} {
		if got := o.searchAll(f, 7); len(got) != want {
			t.Errorf("%+v: found %q, want %d", f, got, want)
		}
	}
}

// searchAll pages through a search, and holds each page against its limit.
func (o *office) searchAll(f Filter, limit int) (ids []string) {
	o.t.Helper()
	for cursor := ""; ; {
		items, next, err := o.desk.Search(o.t.Context(), f, cursor, limit)
		if err != nil || len(items) > limit {
			o.t.Fatalf("%+v: %d items, %v", f, len(items), err)
		}
		for _, item := range items {
			ids = append(ids, item.ID)
		}
		if cursor = next; next == "" {
			return ids
		}
	}
}

// The single cancelled order below ten thousand paid ones is found, by pages that are empty and lead on.
func TestSearchForARareStatusIsBounded(t *testing.T) {
	o := newOffice(t)
	rare := o.bought("scr-1", "alice")
	o.add(rare, Cancelled)
	var reservations, orders []any
	for range scanMax + 10 {
		o.advance(time.Millisecond)
		b := o.bought("scr-1", "bob")
		reservations, orders = append(reservations, reservationValues(b, Paid)...), append(orders, orderValues(b, Paid)...)
	}
	dbtest.Insert(o.t, o.stockDB, intoReservations, reservations...)
	dbtest.Insert(o.t, o.orderDB, intoOrders, orders...)
	f := Filter{Status: Cancelled}
	items, next, err := o.desk.Search(t.Context(), f, "", 20)
	if err != nil || len(items) != 0 || next == "" {
		t.Fatalf("the first page has %d orders and cursor %q, %v; want none, and one to go on with", len(items), next, err)
	}
	items, next, err = o.desk.Search(t.Context(), f, next, 20)
	if err != nil || len(items) != 1 || items[0].ID != rare.ID || next != "" {
		t.Errorf("the second page is %+v, %q, %v; want the cancelled order alone", items, next, err)
	}
}

func TestCursorIsOnlyGoodForItsSearch(t *testing.T) {
	o := newOffice(t)
	for range 3 {
		o.add(o.bought("scr-1", "alice"), Paid)
	}
	f := Filter{ScreeningID: "scr-1"}
	_, next, err := o.desk.Search(t.Context(), f, "", 1)
	if err != nil || next == "" {
		t.Fatalf("%q, %v", next, err)
	}
	for cursor, filter := range map[string]Filter{
		next: {ScreeningID: "scr-2"}, next[:len(next)-3]: f, "abc": f, "%": f, next + "!": f, "MTox": f,
	} {
		if _, _, err := o.desk.Search(t.Context(), filter, cursor, 1); !errors.Is(err, keyset.ErrCursorInvalid) {
			t.Errorf("cursor %q: %v, want ErrCursorInvalid", cursor, err)
		}
	}
}

// A payment is known by the office's id, by its provider's, by its attempt's and by its refund's.
func TestSearchByPayment(t *testing.T) {
	o := newOffice(t)
	b, other := o.bought("scr-1", "alice"), o.bought("scr-1", "bob")
	o.add(b, Paid)
	o.add(other, Paid)
	o.pay(b, "pay-1", order.DefaultProvider, order.Applied, 0)
	dbtest.Insert(o.t, o.orderDB, `refunds (id, payment_id, order_id, provider, amount, currency, reason, state, next_at, created_at, changed_at)`,
		"rf_1", "pay-1", b.ID, "webhook", 100, "CNY", "office", "due", 1, 1, 1)
	dbtest.Insert(o.t, o.orderDB, `payment_attempts (id, order_id, provider, amount, currency, state, return_url, expires_at, next_at, created_at,
		changed_at)`, "pa-1", b.ID, "webhook", 9800, "CNY", "closed", "https://shop.example/", 1, 1, 1, 1)
	dbtest.Insert(o.t, o.orderDB, `reused_payments (payment_id, order_id, amount, currency, webhook_id, received_at)`,
		"pay-1", other.ID, 9800, "CNY", "callback", 1)
	for id, want := range map[string][]string{
		"pay-1": {b.ID, other.ID}, "rf_1": {b.ID}, "pa-1": {b.ID}, "pay-2": nil,
	} {
		slices.Sort(want)
		if got := o.searchAll(Filter{PaymentID: id}, 20); !slices.Equal(got, want) {
			t.Errorf("%s: found %q, want %q", id, got, want)
		}
	}
	if got := o.searchAll(Filter{PaymentID: "pay-1", BuyerID: "bob"}, 20); !slices.Equal(got, []string{other.ID}) {
		t.Errorf("of bob: found %q", got)
	}
}

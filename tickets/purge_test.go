package tickets

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
)

// The tickets of a screening whose orders are in the archive go, some at a time; the others stay.
func TestPurgeDeletesTicketsOfArchivedScreenings(t *testing.T) {
	f := newFixture(t)
	var ids []string
	for i := range purgeOrders + 7 {
		id := fmt.Sprint("order-", i)
		ids = append(ids, id)
		f.orders.set(id, 2, order.Paid, "")
	}
	f.orders.change(func() {
		for i := range purgeScreenings + 5 { // more screenings than one page, and one order of each that stays
			id := fmt.Sprint("stays-", i)
			ids = append(ids, id)
			f.orders.rows[id] = order.Order{Order: event.Order{ID: id, ScreeningID: fmt.Sprintf("s-%03d", i), Quantity: 1}, State: order.Paid}
		}
	})
	f.settle(event.Paid, ids...)
	f.orders.change(func() { // the archive has them
		for _, id := range ids[:purgeOrders+7] {
			delete(f.orders.rows, id)
		}
		delete(f.orders.rows, "stays-104")
	})
	gone := func(_ context.Context, id string) (bool, error) { return id == testScreeningID || id == "s-104", nil }
	deleted, err := f.Purge(t.Context(), gone)
	if err != nil || deleted != 2*(purgeOrders+7)+1 {
		t.Errorf("deleted %d, %v", deleted, err)
	}
	var left []int
	if err := f.db.Reader().SelectContext(t.Context(), &left,
		`SELECT COUNT(*) FROM tickets UNION ALL SELECT COUNT(*) FROM ticket_orders`); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(left) != fmt.Sprint([]int{purgeScreenings + 4, purgeScreenings + 4}) {
		t.Errorf("left are %v tickets and orders", left)
	}
	if deleted, err = f.Purge(t.Context(), gone); err != nil || deleted != 0 {
		t.Errorf("again: deleted %d, %v", deleted, err)
	}
}

// A guest is in, and the screening is said to be archived while its orders are still there. The guest's ticket is kept, and
// lets nobody else in.
func TestPurgeKeepsTheTicketsOfOrdersThatAreThere(t *testing.T) {
	f := newFixture(t)
	code := f.pay(testOrderID, 1)[0].Code
	if _, err := f.CheckIn(t.Context(), entry(code, "1")); err != nil {
		t.Fatal(err)
	}
	gone := func(context.Context, string) (bool, error) { return true, nil }
	if deleted, err := f.Purge(t.Context(), gone); err != nil || deleted != 0 {
		t.Errorf("deleted %d, %v", deleted, err)
	}
	if _, err := f.CheckIn(t.Context(), entry(code, "2")); !errors.As(err, &UsedError{}) {
		t.Errorf("the second guest: %v", err)
	}
	f.orders.change(func() { f.orders.err = order.ErrUnavailable })
	if deleted, err := f.Purge(t.Context(), gone); !errors.Is(err, order.ErrUnavailable) || deleted != 0 {
		t.Errorf("without the order service: deleted %d, %v", deleted, err)
	}
}

// A screening is archived and restored, and the process that deletes its tickets dies on the way, each time one order later;
// some orders are refunded in the file's time. Whoever came in is not let in again, and it is known when and where.
func TestPurgeKeepsWhoCameIn(t *testing.T) {
	const orders = purgeOrders + 2 // two transactions
	gone := func(context.Context, string) (bool, error) { return true, nil }
	for stopAt := range 3 { // of the questions for orders that the purge asks; at the last one it is not stopped
		t.Run(fmt.Sprint("stopped at ", stopAt), func(t *testing.T) {
			f := newFixture(t)
			codes := map[string]string{} // of the first ticket of each order, which is used
			for i := range orders {
				id := fmt.Sprintf("order-%03d", i)
				codes[id] = f.pay(id, 2)[0].Code
				if _, err := f.CheckIn(t.Context(), entry(codes[id], "1")); err != nil {
					t.Fatal(err)
				}
			}
			before := f.orders.rows
			f.orders.change(func() { f.orders.rows = map[string]order.Order{} })
			ctx, kill := context.WithCancel(t.Context())
			defer kill()
			asked := 0
			f.orders.onFind = func() {
				if asked++; asked > stopAt {
					kill()
				}
			}
			_, _ = f.Purge(ctx, gone)
			f.orders.change(func() { f.orders.rows, f.orders.onFind = before, nil })
			f.orders.set("order-001", 2, order.Cancelled, order.CancelByOffice)
			if counts, err := f.Count(t.Context(), testScreeningID); err != nil || counts.Used != orders {
				t.Errorf("counts %+v, %v", counts, err)
			}
			f.ms.Add(time.Hour.Milliseconds())
			for id, code := range codes {
				_, err := f.CheckIn(t.Context(), entry(code, "2"))
				used, ok := errors.AsType[UsedError](err)
				if id != "order-001" && (!ok || used.Gate != "North" || used.At.UnixMilli() != f.ms.Load()-3_600_000) {
					t.Errorf("%s comes in again: %v", id, err)
				}
				if want := "[used valid]"; id != "order-001" && f.stored(id) != want {
					t.Errorf("tickets of %s are %s, want %s", id, f.stored(id), want)
				}
			}
			if found := f.of("order-001"); found[0].State != Void || found[0].UsedAt.IsZero() {
				t.Errorf("tickets of a returned order: %+v", found)
			}
			if counts, err := f.Count(t.Context(), testScreeningID); err != nil || counts.Used != orders-1 || counts.Valid != orders-1 {
				t.Errorf("counts %+v, %v", counts, err)
			}
		})
	}
}

// The list of a door comes in pages, complete and without codes.
func TestTicketsOfAScreeningComeInPages(t *testing.T) {
	f := newFixture(t)
	for i := range 5 {
		f.pay(fmt.Sprint("order-", i), 3)
	}
	seen := map[string]bool{}
	for after := ""; ; {
		page, next, err := f.OfScreening(t.Context(), testScreeningID, after, 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, ticket := range page {
			if ticket.Code != "" || seen[ticket.ID] {
				t.Errorf("ticket %+v", ticket)
			}
			seen[ticket.ID] = true
		}
		if next == "" {
			break
		}
		after = next
	}
	if len(seen) != 15 {
		t.Errorf("%d tickets in all pages, want 15", len(seen))
	}
}

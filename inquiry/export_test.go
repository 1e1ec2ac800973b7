package inquiry

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/order"
)

// An export has what a search has, the oldest first, of a period that is closed at its beginning and open at its end.
func TestExportHasTheOrdersOfAPeriod(t *testing.T) {
	o := newOffice(t)
	var ids []string
	for i := range 30 {
		b := o.bought(fmt.Sprint("scr-", i%2), "alice")
		o.add(b, Statuses()[i%4])
		if b.ScreeningID == "scr-1" && i >= 5 && i < 25 && Statuses()[i%4] == PendingPayment {
			ids = append(ids, b.ID)
		}
		o.advance(time.Second)
	}
	at := func(i int) time.Time { return time.UnixMilli(opening).Add(time.Duration(i) * time.Second) }
	export := func(f Filter, p Period) (found []string) {
		if err := o.desk.Export(t.Context(), f, p, func(rows []Row) error {
			for _, r := range rows {
				found = append(found, r.ID)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return found
	}
	f := Filter{ScreeningID: "scr-1", Status: PendingPayment}
	if got := export(f, Period{at(5), at(25)}); !slices.Equal(got, ids) {
		t.Errorf("exported %q, want %q", got, ids)
	}
	for name, c := range map[string]struct {
		f    Filter
		p    Period
		want int
	}{
		"all":          {Filter{}, Period{}, 30},
		"first second": {Filter{}, Period{at(0), at(1)}, 1}, "nothing": {Filter{}, Period{at(1), at(1)}, 0},
		"from": {Filter{}, Period{From: at(29)}, 1}, "until": {Filter{}, Period{Until: at(2)}, 2},
		"screening until": {Filter{ScreeningID: "scr-0"}, Period{Until: at(3)}, 2},
	} {
		got := export(c.f, c.p)
		if len(got) != c.want || !slices.IsSorted(got) {
			t.Errorf("%s: exported %q, want %d, the oldest first", name, got, c.want)
		}
	}
}

func TestExportAddsUpMoney(t *testing.T) {
	o := newOffice(t)
	b := o.bought("scr-1", "alice")
	o.add(b, Paid)
	o.pay(b, "pay-1", order.DefaultProvider, order.Applied, 100)
	o.pay(b, "pay-2", order.DefaultProvider, order.RefundDue, 9800)
	dbtest.Insert(o.t, o.orderDB, intoPayments, "pay-3", "webhook", b.ID, 5, "USD", "callback", "mismatch", 5, 1)
	err := o.desk.Export(t.Context(), Filter{}, Period{}, func(rows []Row) error {
		if len(rows) != 1 || rows[0].MoneyOf != (order.MoneyOf{Received: 19600, Refunded: 9900, PaidBy: "pay-1", Provider: "webhook"}) {
			t.Errorf("exported %+v", rows)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Two run at once, and an office that stops ends them.
func TestExportsAreBounded(t *testing.T) {
	o := newOffice(t)
	var reservations []any
	for range pageRows + 1 { // two pages
		reservations = append(reservations, reservationValues(o.bought("scr-1", "alice"), Reserved)...)
	}
	dbtest.Insert(o.t, o.stockDB, intoReservations, reservations...)
	entered, leave := make(chan struct{}, exportsMax), make(chan struct{})
	ended := make(chan error, exportsMax)
	for range exportsMax {
		go func() {
			ended <- o.desk.Export(t.Context(), Filter{}, Period{}, func([]Row) error {
				entered <- struct{}{}
				<-leave
				return nil
			})
		}()
	}
	for range exportsMax {
		<-entered
	}
	if err := o.desk.Export(t.Context(), Filter{}, Period{}, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v, want ErrBusy", err)
	}
	o.desk.Close()
	o.desk.Close()
	close(leave)
	for range exportsMax {
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("ended with %v, want ErrClosed", err)
		}
	}
}

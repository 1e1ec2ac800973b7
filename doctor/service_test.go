package doctor

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/sql"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

// newService is the doctor of an office without a queue, in which one reservation has no order.
func newService(t *testing.T) *Service {
	t.Helper()
	orderSchema, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	return newServiceOver(t, stocktest.NewClock(), dbtest.New(t, orderSchema))
}

// newServiceOver is newService with a clock and an order database of the test's own.
func newServiceOver(t *testing.T, clock *stocktest.Clock, orderDB *db.DB) *Service {
	t.Helper()
	stockDB := stocktest.NewDB(t)
	quiet := slog.New(slog.DiscardHandler)
	orders := order.New(t.Context(), orderDB, nil, order.Options{Now: clock.Now, Log: quiet, MaxBatch: 1})
	t.Cleanup(orders.Close)
	id := stock.NewID(clock.Now())
	dbtest.Exec(t, stockDB, `INSERT INTO reservations (order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state,
		created_at, expires_at, settled_at) VALUES (?, ?, 's', 'b', 1, 1, 'CNY', 'released', 1, 1, 1)`, id, stock.RequestID("b", "k"))
	payments := payment.New(orderDB, payment.Options{Orders: orders, Now: clock.Now, Log: quiet})
	t.Cleanup(payments.Close)
	return NewService(Office{
		Stock: stock.New(stockDB, stock.Options{Now: clock.Now}), Orders: orders, Now: clock.Now, Payments: payments,
	})
}

// Many who look at once cost one examination.
func TestReportIsUsedAgain(t *testing.T) {
	s := newService(t)
	first, err := s.Findings(t.Context())
	if err != nil || first.Counts[MissingOrder] != 1 || first.Unfinished {
		t.Fatalf("%+v, %v, want one order that is missing", first, err)
	}
	if second, err := s.Findings(t.Context()); err != nil || second != first {
		t.Errorf("a second look made another report, %v", err)
	}
	l, err := s.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.made = l.made.Add(-reportAge)
	s.release(l)
	if third, err := s.Findings(t.Context()); err != nil || third == first {
		t.Errorf("a look at an old report did not make another, %v", err)
	}
}

// What is not read in time is said to be missing, and nobody waits for a turn for ever.
func TestExaminationIsBounded(t *testing.T) {
	s := newService(t)
	if r, err := examineWithin(t.Context(), s.office, -1); err != nil || !r.Unfinished {
		t.Errorf("%+v, %v, want an unfinished report", r, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := examineWithin(gone, s.office, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("whoever asked has gone: %v", err)
	}
	l, err := s.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Findings(gone); !errors.Is(err, ErrBusy) {
		t.Errorf("while another one examines: %v, want ErrBusy", err)
	}
	s.release(l)
}

func TestChoices(t *testing.T) {
	r := newReport(time.Now())
	r.add(Trouble{Kind: MissingOrder, ID: "o-1"}.publishesAgain("o-1"))
	r.add(Trouble{Kind: MissingOrder, ID: "o-2"}.publishesAgain("o-2"))
	r.add(Trouble{Kind: ParkedPayment, ID: "p-1"}.publishesAgain("o-3"))
	r.add(Trouble{Kind: LatePayment, ID: "p-2", Remedy: "ask for its tickets again", does: remedy{wanted: []string{"o-5"}}})
	r.add(Trouble{Kind: Contradiction, ID: "o-4"})
	r.add(Trouble{Kind: DeadLetter, ID: "m-1", Remedy: "send it again"})
	r.dead = []deadMessages{{kind: DeadLetter, group: "g", count: 1}, {kind: DeadLetter, group: "empty"}, {kind: ExhaustedHalf, count: 1}}
	for name, c := range map[string]struct {
		which   Selection
		ids     []string // published again, or asked for
		dead    int
		subject string
		err     error
	}{
		"all of a kind": {Selection{Kind: MissingOrder}, []string{"o-1", "o-2"}, 0, "reservation_without_order", nil},
		"one":           {Selection{MissingOrder, "o-2"}, []string{"o-2"}, 0, "o-2", nil},
		"a payment":     {Selection{ParkedPayment, "p-1"}, []string{"o-3"}, 0, "p-1", nil},
		"late payments": {Selection{Kind: LatePayment}, []string{"o-5"}, 0, "late_payment", nil},
		"dead letters":  {Selection{Kind: DeadLetter}, nil, 1, "dead_letter", nil},
		"one of them":   {Selection{DeadLetter, "m-1"}, nil, 0, "m-1", ErrNoRemedy},
		"for a person":  {Selection{Kind: Contradiction}, nil, 0, "contradiction", ErrNoRemedy},
		"other kind":    {Selection{ParkedPayment, "o-1"}, nil, 0, "o-1", ErrNoTrouble},
		"none found":    {Selection{Kind: StaleReservation}, nil, 0, "", ErrNoTrouble},
	} {
		got, err := r.choose(c.which)
		ids := slices.Concat(got.republish, got.wanted)
		if !errors.Is(err, c.err) || !slices.Equal(ids, c.ids) || len(got.dead) != c.dead || err == nil && got.subject != c.subject {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c)
		}
	}
}

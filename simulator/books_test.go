package simulator

import (
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"boxoffice/payment"
)

// After any sequence of acts the books are what was done, and the office has learned all of it.
func TestBooksAreWhatWasDone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		faults := Faults{
			RefundPending: rapid.SampledFrom([]float64{0, 0.5}).Draw(rt, "pending"), RefundFails: 0.2, Duplicate: 0.3, Reorder: 0.3, Delay: 0.3,
			Forged: 0.2, RefundUnanswered: 0.2, MaxDelay: 1000_000,
		}
		seed := rapid.Uint64().Draw(rt, "seed")
		f := newFixture(t, faults, func(o *Options) { o.Seed = seed })
		defer f.office.server.Close()
		defer f.server.Close()
		defer f.sim.Close()
		m := &model{fixture: f, taken: map[string]int64{}, open: map[string]bool{}, sums: map[string]int64{}}
		rt.Repeat(map[string]func(*rapid.T){
			"start":  m.start,
			"press":  m.press,
			"close":  m.close,
			"refund": m.refund,
		})
		m.check(rt)
	})
}

// model is what the books must be, by what was asked for and answered.
type model struct {
	*fixture
	taken map[string]int64 // by currency
	open  map[string]bool
	sums  map[string]int64 // by refund keys
}

func anID(t *rapid.T) string { return "a" + strconv.Itoa(rapid.IntRange(1, 4).Draw(t, "attempt")) }

func (m *model) start(t *rapid.T) {
	id := anID(t)
	_, known := m.open[id]
	m.fixture.start(id)
	if !known {
		m.open[id] = true
	}
}

func (m *model) press(t *rapid.T) {
	id, does := anID(t), rapid.SampledFrom(acts()).Draw(t, "act")
	status, _ := m.fixture.press(id, does, "0s")
	isOpen, known := m.open[id]
	if done := status == http.StatusSeeOther; done != (known && (isOpen || does == actLeave)) {
		t.Fatalf("%s of %s: %d", does, id, status)
	} else if !done || does == actLeave {
		return
	}
	m.open[id] = false
	switch does {
	case actTwice:
		m.taken["CNY"] += 2 * 9800
	case actAmount:
		m.taken["CNY"] += 9799
	case actCurrency:
		m.taken["USD"] += 9800
	default:
		m.taken["CNY"] += 9800
	}
	if does == actLate { // at once
		m.eventually("the late money came", func() bool { return m.sim.Books().Attempts[id].State == "paid" })
	}
}

func (m *model) close(t *rapid.T) {
	id := anID(t)
	status, err := m.client.Close(m.context(), m.attempt(id))
	if err != nil || status.State == payment.Open {
		t.Fatalf("close %s: %+v, %v", id, status, err)
	}
	if _, known := m.open[id]; known {
		m.open[id] = false
	}
}

func (m *model) refund(t *rapid.T) {
	key := "rf_" + strconv.Itoa(rapid.IntRange(1, 20).Draw(t, "key"))
	id := "sim_" + anID(t) + "_" + strconv.Itoa(rapid.IntRange(1, 2).Draw(t, "payment"))
	r := payment.Refund{Key: key, PaymentID: id, Reason: "test"}
	r.Amount.Amount = rapid.Int64Range(1, 9800).Draw(t, "amount")
	r.Amount.Currency = rapid.SampledFrom([]string{"CNY", "CNY", "CNY", "USD"}).Draw(t, "currency")
	_, err := m.client.Refund(m.context(), r)
	if !errors.Is(err, payment.ErrRefused) && m.sums[key] == 0 {
		m.sums[key] = r.Amount.Amount // it was carried out, with an answer or without
	}
}

func (m *model) check(t *rapid.T) {
	books := m.idle()
	if !maps.Equal(books.Taken, m.taken) {
		t.Errorf("taken %v, not %v", books.Taken, m.taken)
	}
	left, back := map[string]int64{}, map[string]int64{}
	payments := 0
	for _, a := range books.Attempts {
		for _, p := range a.Payments {
			left[p.PaymentID] = p.Amount
			payments++
			if told := m.payments[p.PaymentID].Amount; told.Amount != p.Amount || told.Currency != p.Currency {
				t.Errorf("the office learned %+v of %+v", told, p)
			}
		}
	}
	if len(m.payments) != payments || len(books.Refunds) != len(m.sums) || books.Counts.ForgedAccepted != 0 {
		t.Errorf("the office learned %v; refunds %v, not %v", m.payments, books.Refunds, m.sums)
	}
	for key, r := range books.Refunds {
		if r.Amount != m.sums[key] || string(m.refunds[key]) != r.State || r.State == "pending" || (r.Moved == 1) != (r.State == "done") {
			t.Errorf("refund %s: %+v, sent %d, the office learned %s", key, r, m.sums[key], m.refunds[key])
		}
		if r.State == "done" {
			back[r.Currency] += r.Amount
			left[r.PaymentID] -= r.Amount
		}
	}
	for id, sum := range left {
		if sum < 0 {
			t.Errorf("%s was refunded %d too much", id, -sum)
		}
	}
	if !maps.Equal(books.SentBack, back) {
		t.Errorf("sent back %v, not %v", books.SentBack, back)
	}
}

// However many callers press at once, one of them pays, and a key moves its money once.
func TestManyAtOnce(t *testing.T) {
	f := newFixture(t, None())
	f.start("a1")
	f.start("a2")
	paid := f.pay("a2")
	var mu sync.Mutex
	done := map[string]int{}
	count := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		done[what]++
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if status, _ := f.press("a1", actPay, ""); status == http.StatusSeeOther {
				count("paid")
			}
			if _, err := f.client.Refund(f.context(), refundOf(paid, "rf_same", 1000)); err != nil {
				count("failed")
			}
			switch _, err := f.client.Refund(f.context(), refundOf(paid, "rf_"+strconv.Itoa(i), 1000)); {
			case err == nil:
				count("sent")
			case !strings.Contains(err.Error(), "409"):
				count("failed")
			}
		})
	}
	all.Wait()
	books := f.idle()
	if done["paid"] != 1 || done["failed"] != 0 || done["sent"] > 9 || done["sent"] < 8 {
		t.Errorf("done: %v", done)
	}
	if books.Taken["CNY"] != 2*9800 || books.SentBack["CNY"] != 1000*int64(len(books.Refunds)) || books.SentBack["CNY"] > 9800 {
		t.Errorf("the books: %+v", books)
	}
}

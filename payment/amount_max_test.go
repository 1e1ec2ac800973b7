package payment

import (
	"errors"
	"math"
	"testing"
	"time"

	"boxoffice/common/event"
)

// Two callbacks of 2^63-1, signed by a provider, were recorded. Their sum is no int64, so the ledger failed from then on, and with
// it the doctor. An order costs a trillion minor units at most, and no payment more.
func TestAmountThatTheLedgerCouldNotAddUpIsNotTaken(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	paid := func(id string, amount int64) []Payment {
		return []Payment{{ID: id, OrderID: o.ID, Amount: event.Money{Amount: amount, Currency: "CNY"}}}
	}
	for _, amount := range []int64{math.MaxInt64, AmountMax + 1, 0, -1} {
		_, err := f.callback("open sesame", Report{ID: "evt", Payments: append(paid("good", 1), paid("bad", amount)...)})
		if bad, ok := errors.AsType[BadCallback](err); !ok || !bad.Readable {
			t.Errorf("%d minor units: %v, want that it cannot be taken", amount, err)
		}
	}
	opened := f.start(o)
	f.provider.set(func(p *fakeProvider) {
		p.attempts[opened.ID].Status = Status{State: Paid, Payments: paid("found", math.MaxInt64)}
	})
	f.advance(firstAskPause)
	f.work()
	if ledgers, err := f.payments.Ledgers(t.Context()); err != nil || len(ledgers) != 0 {
		t.Errorf("ledgers %+v, %v, want none of what was not taken", ledgers, err)
	}
	f.wantAttempt(o.ID, Open)
	for _, id := range []string{"a", "b"} {
		if _, err := f.callback("open sesame", Report{ID: "evt-" + id, Payments: paid(id, AmountMax)}); err != nil {
			t.Error(err)
		}
	}
	ledgers, err := f.payments.Ledgers(t.Context())
	if err != nil || len(ledgers) != 1 || ledgers[0].Received != 2*AmountMax || !ledgers[0].Balanced() {
		t.Errorf("ledgers %+v, %v", ledgers, err)
	}
}

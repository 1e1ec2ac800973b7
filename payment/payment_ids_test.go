package payment

import (
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/order"
)

// A callback of the shop's own gateway had the payment id "stripe:pi_1", and took the row of Stripe's pi_1: that order stayed
// unpaid, and its money was kept.
func TestPaymentIDsOfTwoProvidersDoNotMeet(t *testing.T) {
	f := newFixture(t)
	a, b := f.create(time.Hour), f.create(time.Hour)
	for _, c := range []struct{ provider, id, orderID string }{{order.DefaultProvider, "other:pi_1", a.ID}, {"other", "pi_1", b.ID}} {
		p := Payment{ID: c.id, OrderID: c.orderID, Amount: a.Amount}
		if result, err := f.payments.pay(t.Context(), c.provider, p, "msg"); err != nil || result != order.Applied {
			t.Errorf("%s of %s came to %s, %v", c.id, c.provider, result, err)
		}
	}
	f.wantOrder(a.ID, order.Paid, "")
	f.wantOrder(b.ID, order.Paid, "")
}

// Money that came with the id of another payment was not in the ledger, which was balanced without it. It is unclear, until a
// person has settled it.
func TestLedgerShowsWhatIsUnclear(t *testing.T) {
	f := newFixture(t)
	a, b := f.create(time.Hour), f.create(time.Hour)
	id := f.pay(a, 9800)
	again := Payment{ID: id, OrderID: b.ID, Amount: b.Amount}
	f.provider.taken += b.Amount.Amount // it says that this was paid too
	if _, err := f.payments.pay(t.Context(), "fake", again, "msg"); err != nil {
		t.Fatal(err)
	}
	f.wantBalanced()
	want := Ledger{Currency: "CNY", Received: 2 * 9800, Applied: 9800, Unclear: 9800, OrdersDue: 9800, JustSettled: 9800}
	if ledgers, err := f.payments.Ledgers(t.Context()); err != nil || len(ledgers) != 1 || ledgers[0] != want {
		t.Errorf("ledgers %+v, %v, want %+v", ledgers, err, want)
	}
	act := audit.Act{Actor: "me", Note: "sent back by bank"}
	if err := f.orders.SettleReused(t.Context(), order.RecordID("fake", id), b.ID, b.Amount, act); err != nil {
		t.Fatal(err)
	}
	want = Ledger{Currency: "CNY", Received: 9800, Applied: 9800, OrdersDue: 9800, JustSettled: 9800}
	if ledgers, err := f.payments.Ledgers(t.Context()); err != nil || len(ledgers) != 1 || ledgers[0] != want {
		t.Errorf("ledgers %+v, %v, want %+v", ledgers, err, want)
	}
}

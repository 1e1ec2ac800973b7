package order

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/audit"
)

// Money that came with the id of another payment was in limbo: noted, and there was nothing that a person could do about it.
func TestReusedPaymentIsSettledOnce(t *testing.T) {
	f := newFixture(t)
	a, b := f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(a, b)
	p := f.payment(a)
	p.Provider = "stripe"
	f.pay(p, Applied)
	other := f.payment(b)
	other.ID, other.Provider = p.ID, "stripe"
	f.pay(other, Mismatch)
	found, err := f.orders.Reused(t.Context(), 10)
	if err != nil || len(found) != 1 || found[0].Provider != "stripe" || found[0].OrderID != b.ID || found[0].Amount != other.Amount {
		t.Fatalf("found %+v, %v", found, err)
	}
	act := audit.Act{Actor: "me", Note: "they have never taken it"}
	dearer := other.Amount
	dearer.Amount++
	if err := f.orders.SettleReused(t.Context(), p.ID, b.ID, dearer, act); !errors.Is(err, ErrPaymentAbsent) {
		t.Errorf("%v: no such claim", err)
	}
	if err := f.orders.SettleReused(t.Context(), p.ID, b.ID, other.Amount, act); err != nil {
		t.Fatal(err)
	}
	if err := f.orders.SettleReused(t.Context(), p.ID, b.ID, other.Amount, act); !errors.Is(err, ErrPaymentAbsent) {
		t.Errorf("%v: it is settled", err)
	}
	f.pay(other, Mismatch) // the provider sends it again
	if found, err := f.orders.Reused(t.Context(), 10); err != nil || len(found) != 0 {
		t.Errorf("found %+v, %v after it was settled", found, err)
	}
	if totals, err := f.orders.Totals(t.Context()); err != nil || totals.Reused != 0 {
		t.Errorf("totals %+v, %v", totals, err)
	}
	acts, err := f.orders.Acts(t.Context(), audit.Filter{Subject: p.ID}, 10)
	if err != nil || len(acts) != 1 || acts[0].What != "settle_reused" || acts[0].Actor != "me" || acts[0].Note != act.Note {
		t.Errorf("acts %+v, %v", acts, err)
	}
}

// The ids of one provider are never taken for those of another one, and are its own again when it is called.
func TestRecordIDsAreUniqueByProvider(t *testing.T) {
	whose := map[string][2]string{}
	for _, provider := range []string{DefaultProvider, "stripe", "wechat"} {
		for _, id := range []string{"1", "webhook:1", "stripe:1", "webhook:stripe:1", "webhook:webhook:1", ":", "wechat:"} {
			recorded := RecordID(provider, id)
			if other, exists := whose[recorded]; exists {
				t.Errorf("%s is the record of %q by %s, and of %q by %s", recorded, id, provider, other[1], other[0])
			}
			whose[recorded] = [2]string{provider, id}
			if own := ProviderID(provider, recorded); own != id || recordIDOf(provider, recorded) != recorded {
				t.Errorf("%s of %s is its own %q, want %q", recorded, provider, own, id)
			}
		}
	}
	if got := recordIDOf(DefaultProvider, "psp:1"); got != "webhook:psp:1" {
		t.Errorf("an archive's psp:1 is restored as %s", got)
	}
}

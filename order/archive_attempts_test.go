package order

import (
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
)

// addAttempt records an attempt to pay for an order.
func (f *fixture) addAttempt(id, orderID, state string) {
	f.t.Helper()
	dbtest.Insert(f.t, f.db, `payment_attempts (id, order_id, provider, amount, currency, state, return_url, reference, action,
		expires_at, tries, next_at, created_at, changed_at)`,
		id, orderID, "stripe", 100, "CNY", state, "https://rex.example", "cs_"+id, `{"url":"https://pay.example"}`, 1, 2, 3, 4, 5)
}

// attempts is the state and the reference of each attempt, by id.
func (f *fixture) attempts() map[string]string {
	f.t.Helper()
	var rows []struct{ ID, State, Reference string }
	if err := f.db.Reader().SelectContext(f.t.Context(), &rows, `SELECT id, state, reference FROM payment_attempts`); err != nil {
		f.t.Fatal(err)
	}
	found := map[string]string{}
	for _, r := range rows {
		found[r.ID] = r.State + " " + r.Reference
	}
	return found
}

// The archive deleted attempts to pay that were in none of its files: after a restore nobody knew any more by which reference
// a provider knew a payment. Now only those go that are in the file, as they are there.
func TestAttemptsThatAreInNoFileStay(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	f.pay(f.payment(o), Applied)
	f.addAttempt("paid", o.ID, "paid")
	f.addAttempt("closed", o.ID, "closed")
	f.addAttempt("open", o.ID, "open")
	records, err := f.orders.Records(t.Context(), o.ID)
	if err != nil || len(records[o.ID].Attempts) != 2 {
		t.Fatalf("the record has %+v, %v, want the two final attempts", records[o.ID].Attempts, err)
	}
	dbtest.Exec(t, f.db, `UPDATE payment_attempts SET state = 'paid' WHERE id = 'closed'`) // its money came after all
	dbtest.Exec(t, f.db, `UPDATE payment_attempts SET state = 'closed' WHERE id = 'open'`)
	list := []Record{records[o.ID]}
	f.fence(1)
	if err := f.orders.DropRecords(t.Context(), o.ScreeningID, 1, list); err != nil {
		t.Fatal(err)
	}
	left := f.attempts()
	if len(left) != 2 || left["closed"] != "paid cs_closed" || left["open"] != "closed cs_open" {
		t.Errorf("left are %v, want what has changed since the file was written", left)
	}
	if err := f.orders.RestoreRecords(t.Context(), o.ScreeningID, 1, list); err != nil {
		t.Fatal(err)
	}
	back := f.attempts()
	if len(back) != 3 || back["paid"] != "paid cs_paid" || back["closed"] != "paid cs_closed" {
		t.Errorf("restored are %v, want all three, the changed ones as they stood", back)
	}
}

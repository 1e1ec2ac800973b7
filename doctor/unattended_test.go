package doctor

import (
	"strings"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/sql"
	"boxoffice/stock/stocktest"
)

// A provider was taken out of the configuration: its refunds were never sent and its payments never asked for, and the
// doctor said that all was well.
func TestProviderThatIsGoneIsTold(t *testing.T) {
	orderSchema, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	clock := stocktest.NewClock()
	orderDB := dbtest.New(t, orderSchema)
	s := newServiceOver(t, clock, orderDB)
	now := clock.Now().UnixMilli()
	dbtest.Exec(t, orderDB, `INSERT INTO payments (id, provider, order_id, amount, currency, webhook_id, result, refunded, received_at)
		VALUES ('old:p', 'old', 'o', 5, 'CNY', 'w', 'refund_due', 5, ?)`, now)
	dbtest.Exec(t, orderDB, `INSERT INTO refunds (id, payment_id, order_id, provider, amount, currency, reason, state, next_at, created_at,
		changed_at) VALUES ('rf_1', 'old:p', 'o', 'old', 5, 'CNY', 'no_order', 'due', ?, ?, ?)`, now, now, now)
	dbtest.Exec(t, orderDB, `INSERT INTO payment_attempts (id, order_id, provider, amount, currency, state, return_url, expires_at, next_at,
		created_at, changed_at) VALUES ('a', 'o', 'old', 5, 'CNY', 'starting', '', ?, ?, ?, ?)`, now, now, now, now)
	r, err := Examine(t.Context(), s.office)
	if err != nil || r.Counts[UnattendedPayments] != 0 {
		t.Errorf("%+v, %v: a worker may take what is just due", r, err)
	}
	clock.Advance(time.Hour)
	r, err = Examine(t.Context(), s.office)
	if err != nil || r.Counts[UnattendedPayments] != 1 {
		t.Fatalf("%+v, %v, want one provider", r, err)
	}
	for _, trouble := range r.Troubles {
		if trouble.Kind == UnattendedPayments &&
			(trouble.ID != "old" || !strings.HasPrefix(trouble.Detail, "payments that may still be paid: 1, refunds that are not back: 1;")) {
			t.Errorf("trouble %+v", trouble)
		}
	}
}

// A provider refused to say how payments stood, and was asked and asked: it was in the log alone.
func TestPaymentsWithoutAnAnswerAreTold(t *testing.T) {
	orderSchema, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	clock := stocktest.NewClock()
	orderDB := dbtest.New(t, orderSchema)
	s := newServiceOver(t, clock, orderDB)
	now := clock.Now()
	dbtest.Exec(t, orderDB, `INSERT INTO payment_attempts (id, order_id, provider, amount, currency, state, return_url, expires_at, next_at,
		created_at, changed_at, account) VALUES ('a', 'o', 'strict', 5, 'CNY', 'starting', '', ?, ?, ?, ?, 'merchant-1')`,
		now.UnixMilli(), now.Add(4*time.Hour).UnixMilli(), now.UnixMilli(), now.UnixMilli())
	for _, want := range []int{0, 1} {
		r, err := Examine(t.Context(), s.office)
		if err != nil || r.Counts[UnansweredPayments] != want || r.Counts[UnattendedPayments] != 0 {
			t.Errorf("%+v, %v, want %d providers that do not answer", r, err, want)
		}
		for _, trouble := range r.Troubles {
			if trouble.Kind == UnansweredPayments && (trouble.ID != "strict" ||
				!strings.Contains(trouble.Detail, "how they stand: 1;") || !strings.Contains(trouble.Detail, "the account merchant-1")) {
				t.Errorf("trouble %+v", trouble)
			}
		}
		clock.Advance(3 * time.Hour)
	}
}

package order

import (
	"io/fs"
	"path"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/sql"
)

// SQLite gets a new constraint only by a new table, into which the orders have to come as they were.
func TestMigrationKeepsTheOrders(t *testing.T) {
	all, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	d := dbtest.New(t, before(t, all, "020"))
	if err := d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO orders (id, screening_id, buyer_id, quantity, amount, currency, state,
			cancel_reason, created_at, expires_at, settled_at) VALUES
			('a', 's', 'alice', 2, 9800, 'CNY', 'PENDING_PAYMENT', NULL, 1, 2, NULL),
			('b', 's', 'bob', 1, 4900, 'CNY', 'CANCELLED', 'buyer', 1, 2, 3)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	a := RecordedOrder{
		ID: "a", ScreeningID: "s", BuyerID: "alice", Quantity: 2, Amount: 9800, Currency: "CNY", State: PendingPayment,
		CreatedAt: 1, ExpiresAt: 2,
	}
	b := RecordedOrder{
		ID: "b", ScreeningID: "s", BuyerID: "bob", Quantity: 1, Amount: 4900, Currency: "CNY", State: Cancelled,
		CancelReason: CancelByBuyer, CreatedAt: 1, ExpiresAt: 2, SettledAt: 3,
	}
	for range 2 {
		if err := d.Migrate(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		got, err := readRecordedOrders(t.Context(), d.Reader(), []string{"a", "b"})
		if want := map[string]RecordedOrder{"a": a, "b": b}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("orders are %+v, %v, want %+v", got, err, want)
		}
	}
	if err := d.InTx(t.Context(), func(tx *db.Tx) error {
		return settleOrders(t.Context(), tx, []string{"a"}, PendingPayment, Cancelled, "a whim", 3)
	}); !d.IsConstraint(err) {
		t.Errorf("an unknown reason: %v, want a constraint", err)
	}
}

// before returns the migrations with numbers below one.
func before(t *testing.T, all fs.FS, number string) fs.FS {
	t.Helper()
	some := fstest.MapFS{}
	err := fs.WalkDir(all, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.Compare(path.Base(name), number) >= 0 {
			return err
		}
		content, err := fs.ReadFile(all, name)
		some[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return some
}

// Earlier versions recorded refunds and sent none: the money of some went back by hand, as their documents said. Sending
// them all at the first start would send it twice, so each waits for a person.
func TestMigrationSendsNoOldRefunds(t *testing.T) {
	all, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	d := dbtest.New(t, before(t, all, "050"))
	for _, statement := range []string{
		`INSERT INTO payments (id, order_id, amount, currency, webhook_id, result, received_at) VALUES
			('late', 'a', 9800, 'CNY', 'w', 'refund_due', 1), ('short', 'b', 9700, 'CNY', 'w', 'mismatch', 2),
			('good', 'c', 9800, 'CNY', 'w', 'applied', 3), ('early', 'd', 9800, 'CNY', 'w', 'parked', 4)`,
		`INSERT INTO refunds (payment_id, order_id, amount, currency, reason, state, created_at)
			VALUES ('late', 'a', 9800, 'CNY', 'already_paid', 'due', 1)`,
	} {
		dbtest.Exec(t, d, statement)
	}
	for range 2 {
		if err := d.Migrate(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		var got []struct {
			PaymentID string `db:"payment_id"`
			State     string `db:"state"`
			Reason    string `db:"reason"`
			Refunded  int64  `db:"refunded"`
		}
		if err := d.Reader().SelectContext(t.Context(), &got, `SELECT r.payment_id, r.state, r.reason, p.refunded FROM refunds r
			JOIN payments p ON p.id = r.payment_id ORDER BY r.payment_id`); err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[0].State != "needs_attention" || got[0].Reason != "already_paid" || got[0].Refunded != 9800 ||
			got[1].State != "needs_attention" || got[1].Reason != "wrong_amount" || got[1].Refunded != 9700 {
			t.Errorf("refunds %+v", got)
		}
		if d.Name() == "sqlite" {
			break // there a migration and its record are one transaction
		}
		// The process can end between a schema change and its record: each file may run twice.
		dbtest.Exec(t, d, `DELETE FROM migrations WHERE name >= '050'`)
		dbtest.Exec(t, d, `DELETE FROM migration_sums WHERE name >= '050'`)
	}
}

// A gateway of the shop's own had ids with a colon, as another provider's have in the table: they are the same payments
// after the upgrade.
func TestMigrationKeepsWhosePaymentsAre(t *testing.T) {
	all, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	d := dbtest.New(t, before(t, all, "100"))
	long := strings.Repeat("x", IDMax-1) + ":"
	for _, statement := range []string{
		`INSERT INTO payments (id, provider, order_id, amount, currency, webhook_id, result, received_at) VALUES
			('psp:1', 'webhook', 'a', 5, 'CNY', 'w', 'mismatch', 1), ('2', 'webhook', 'b', 5, 'CNY', 'w', 'applied', 1),
			('stripe:pi_1', 'stripe', 'c', 5, 'CNY', 'w', 'applied', 1), ('` + long + `', 'webhook', 'd', 5, 'CNY', 'w', 'applied', 1)`,
		`INSERT INTO refunds (id, payment_id, order_id, provider, amount, currency, reason, state, next_at, created_at, changed_at)
			VALUES ('rf_1', 'psp:1', 'a', 'webhook', 5, 'CNY', 'wrong_amount', 'due', 1, 1, 1)`,
		`INSERT INTO reused_payments (payment_id, order_id, amount, currency, webhook_id, received_at)
			VALUES ('psp:1', 'b', 5, 'CNY', 'w', 1), ('2', 'a', 5, 'CNY', 'w', 1)`,
	} {
		dbtest.Exec(t, d, statement)
	}
	if err := d.Migrate(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string][]string{
		`SELECT id FROM payments ORDER BY order_id`:                        {"webhook:psp:1", "2", "stripe:pi_1", long},
		`SELECT payment_id FROM refunds`:                                   {"webhook:psp:1"},
		`SELECT payment_id FROM reused_payments ORDER BY amount, order_id`: {"2", "webhook:psp:1"},
	} {
		var got []string
		if err := d.Reader().SelectContext(t.Context(), &got, query); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v, want %q", query, got, err, want)
		}
	}
}

// Whoever had money back before there was refund-sent has long seen it, and gets no mail on the day of the upgrade.
func TestMigrationTellsOfNoOldRefunds(t *testing.T) {
	all, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	d := dbtest.New(t, before(t, all, "110"))
	for _, state := range []string{"done", "settled", "due", "sent", "needs_attention"} {
		dbtest.Exec(t, d, `INSERT INTO refunds (id, payment_id, order_id, provider, amount, currency, reason, state, next_at, created_at,
			changed_at) VALUES ('rf_`+state+`', 'p', 'o', 'webhook', 1, 'CNY', 'office', '`+state+`', 1, 1, 1)`)
	}
	if err := d.Migrate(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	var untold []string
	if err := d.Reader().SelectContext(t.Context(), &untold, `SELECT state FROM refunds WHERE told = 0 ORDER BY state`); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(untold, " "); got != "due needs_attention sent" {
		t.Errorf("refunds to tell of are %s", got)
	}
}

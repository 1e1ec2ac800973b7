package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/sql"
	"boxoffice/stock"
)

const (
	opening = 1_795_000_000_000
	month   = 30 * 24 * time.Hour
)

// office is the databases of one office, and a clock that tests move by hand.
type office struct {
	t                *testing.T
	stockDB, orderDB *db.DB
	stock            *stock.Stock
	orders           *order.Orders
	dir              string
	ms               atomic.Int64
	onNow            func()
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, stockDB: newDB(t, sql.Stock), orderDB: newDB(t, sql.Order), dir: t.TempDir(), onNow: func() {}}
	o.ms.Store(opening)
	o.stock = stock.New(o.stockDB, stock.Options{Now: func() time.Time { o.onNow(); return o.now() }})
	o.orders = order.New(t.Context(), o.orderDB, nil, order.Options{Now: o.now, Log: slog.New(slog.DiscardHandler), MaxBatch: 10})
	t.Cleanup(o.orders.Close)
	return o
}

func newDB(t *testing.T, migrations func() (fs.FS, error)) *db.DB {
	t.Helper()
	schema, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	return dbtest.New(t, schema)
}

func (o *office) now() time.Time { return time.UnixMilli(o.ms.Load()).UTC() }

func (o *office) advance(d time.Duration) { o.ms.Add(d.Milliseconds()) }

func (o *office) archiver() *Archiver {
	return New(o.stock, o.orders, Options{
		Dir: o.dir, Now: o.now, Log: slog.New(slog.DiscardHandler), Ready: func(context.Context) error { return nil },
	})
}

// addScreening adds one that is over after two days, with n orders: every fourth is cancelled, the others are paid.
func (o *office) addScreening(id string, n, limit int64) {
	o.t.Helper()
	now := o.now()
	if _, err := o.stock.AddScreening(o.t.Context(), stock.Screening{
		ID: id, Movie: "Metropolis", Venue: "Rex", StartsAt: now.Add(48 * time.Hour), Capacity: 2 * n, PerUserLimit: limit,
		Price: event.Money{Amount: 4900, Currency: "CNY"}, SaleOpensAt: now, SaleClosesAt: now.Add(24 * time.Hour),
	}); err != nil {
		o.t.Fatal(err)
	}
	var reservations, orders, payments, holdings []any
	sold := int64(0)
	for i := range n {
		at := now.Add(time.Duration(i/7) * time.Millisecond)
		orderID, buyer := stock.NewID(at), fmt.Sprintf("buyer-%d", i)
		reservation, state, reason := stock.Sold, order.Paid, any(nil)
		if i%4 == 3 {
			reservation, state, reason = stock.Released, order.Cancelled, "unpaid"
		} else {
			sold += 2
			payments = append(payments, "pay-"+orderID, orderID, 9800, "CNY", "webhook", "applied", at.UnixMilli())
		}
		reservations = append(reservations, orderID, stock.RequestID(buyer, id), id, buyer, 2, 9800, "CNY", string(reservation),
			at.UnixMilli(), at.UnixMilli()+1000, at.UnixMilli()+500)
		orders = append(orders, orderID, id, buyer, 2, 9800, "CNY", string(state), reason, at.UnixMilli(), at.UnixMilli()+1000, at.UnixMilli()+500)
		holdings = append(holdings, id, buyer, 2)
	}
	o.insert(o.stockDB, `reservations (order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at, settled_at)`, reservations)
	if limit > 0 {
		o.insert(o.stockDB, `holdings (screening_id, buyer_id, quantity)`, holdings)
	}
	o.insert(o.orderDB, `orders (id, screening_id, buyer_id, quantity, amount, currency, state, cancel_reason, created_at, expires_at, settled_at)`, orders)
	o.insert(o.orderDB, `payments (id, order_id, amount, currency, webhook_id, result, received_at)`, payments)
	o.exec(o.stockDB, `UPDATE stock SET sold = ?, available = capacity - ?, sales = ? WHERE screening_id = ?`, sold, sold, n, id)
}

func (o *office) insert(d *db.DB, into string, values []any) {
	o.t.Helper()
	if err := d.InTx(o.t.Context(), func(tx *db.Tx) error { return tx.Insert(o.t.Context(), into, values) }); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) exec(d *db.DB, statement string, args ...any) {
	o.t.Helper()
	if err := d.InTx(o.t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(o.t.Context(), statement, args...)
		return err
	}); err != nil {
		o.t.Fatal(err)
	}
}

// rows is every row of the tables that the archive empties, as text.
func (o *office) rows() (all []string) {
	o.t.Helper()
	for _, table := range []struct {
		db    *db.DB
		query string
	}{
		{o.stockDB, `SELECT * FROM reservations ORDER BY order_id`},
		{o.stockDB, `SELECT * FROM holdings ORDER BY screening_id, buyer_id`},
		{o.stockDB, `SELECT screening_id, capacity, available, reserved, sold, sales, archived_at FROM stock ORDER BY screening_id`},
		{o.orderDB, `SELECT * FROM orders ORDER BY id`},
		{o.orderDB, `SELECT * FROM payments ORDER BY id`},
	} {
		rows, err := table.db.Reader().QueryxContext(o.t.Context(), table.query)
		if err != nil {
			o.t.Fatal(err)
		}
		for rows.Next() {
			values, err := rows.SliceScan()
			if err != nil {
				o.t.Fatal(err)
			}
			for i, value := range values {
				if text, isBytes := value.([]byte); isBytes {
					values[i] = string(text)
				}
			}
			all = append(all, fmt.Sprint(values...))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			o.t.Fatal(err)
		}
	}
	return all
}

func (o *office) count(d *db.DB, table string) (n int) {
	o.t.Helper()
	if err := d.Reader().GetContext(o.t.Context(), &n, `SELECT COUNT(*) FROM `+table); err != nil {
		o.t.Fatal(err)
	}
	return n
}

func (o *office) run(want int) {
	o.t.Helper()
	if n, err := o.archiver().Run(o.t.Context(), month); err != nil || n != want {
		o.t.Fatalf("archived %d, %v, want %d", n, err, want)
	}
}

func (o *office) wantEmpty() {
	o.t.Helper()
	for table, d := range map[string]*db.DB{"reservations": o.stockDB, "holdings": o.stockDB, "orders": o.orderDB, "payments": o.orderDB} {
		if n := o.count(d, table); n != 0 {
			o.t.Errorf("%d %s are left", n, table)
		}
	}
}

func (o *office) wantRows(want []string) {
	o.t.Helper()
	if got := o.rows(); !reflect.DeepEqual(got, want) {
		o.t.Errorf("%d rows, want %d:\n%s\nwant\n%s", len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What is archived is gone from both databases but for its sums, and comes back row by row as it was.
func TestArchivedOrdersComeBackAsTheyWere(t *testing.T) {
	o := newOffice(t)
	o.addScreening("a/b", 1203, 4)
	before := o.rows()
	o.advance(40 * 24 * time.Hour)
	o.run(1)
	o.wantEmpty()
	archived, err := o.stock.Archive(t.Context(), "a/b")
	if want := (stock.ArchiveSums{Orders: 1203, PaidOrders: 903, TicketsSold: 1806, AmountPaid: 903 * 9800}); err != nil || archived.Sums != want {
		t.Errorf("sums %+v, %v, want %+v", archived.Sums, err, want)
	}
	if n := o.count(o.stockDB, "archived_requests"); n != 1203 {
		t.Errorf("%d request ids are kept, want 1203", n)
	}
	o.run(0)
	if _, err := o.archiver().Restore(t.Context(), archived.File); err != nil {
		t.Fatal(err)
	}
	o.wantRows(before)
	if n := o.count(o.stockDB, "archived_requests"); n != 0 {
		t.Errorf("%d request ids are left", n)
	}
	if _, err := o.archiver().Restore(t.Context(), archived.File); !errors.Is(err, stock.ErrNotArchived) {
		t.Errorf("restored twice: %v", err)
	}
	o.run(0) // who restores wants to look at it
	o.advance(month + time.Millisecond)
	o.run(1)
	o.wantEmpty()
	if again, err := o.stock.Archive(t.Context(), "a/b"); err != nil || again.File == archived.File {
		t.Errorf("the second archive is %q, %v: the first one's file is written over", again.File, err)
	}
}

// What is not over, or not settled, stays, and holds up nothing else.
func TestOnlyWhatIsOverAndSettledIsArchived(t *testing.T) {
	for name, change := range map[string]struct {
		statement string
		order     bool
		want      error
	}{
		"sale is open":          {`UPDATE screenings SET sale_closes_at = sale_closes_at + 8640000000 WHERE id = 'x'`, false, nil},
		"showing is to come":    {`UPDATE screenings SET starts_at = starts_at + 8640000000 WHERE id = 'x'`, false, nil},
		"ticket is held":        {`UPDATE stock SET reserved = 1, available = available - 1 WHERE screening_id = 'x'`, false, nil},
		"order is pending":      {`UPDATE orders SET state = 'PENDING_PAYMENT', settled_at = NULL WHERE state = 'PAID' AND screening_id = 'x'`, true, ErrUnsettled},
		"order is missing":      {`DELETE FROM orders WHERE state = 'PAID' AND screening_id = 'x'`, true, ErrUnsettled},
		"order is another one":  {`UPDATE orders SET quantity = 3 WHERE screening_id = 'x'`, true, ErrUnsettled},
		"counters do not agree": {`UPDATE stock SET sold = sold + 1, available = available - 1 WHERE screening_id = 'x'`, false, ErrUnsettled},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.addScreening("x", 10, 0)
			d := o.stockDB
			if change.order {
				d = o.orderDB
			}
			o.exec(d, change.statement)
			before := o.rows()
			o.advance(40 * 24 * time.Hour)
			n, err := o.archiver().Run(t.Context(), month)
			if n != 0 || !errors.Is(err, change.want) || change.want == nil && err != nil {
				t.Fatalf("archived %d, %v, want none and %v", n, err, change.want)
			}
			o.wantRows(before)
			if files, err := os.ReadDir(o.dir); err != nil || len(files) > 0 {
				t.Errorf("files are left: %v, %v", files, err)
			}
			o.addScreening("y", 10, 0)
			o.advance(40 * 24 * time.Hour)
			if n, _ := o.archiver().Run(t.Context(), 8*24*time.Hour); n == 0 {
				t.Error("another screening is held up")
			}
		})
	}
}

// An archiver that is stopped at any of its steps leaves a state from which the next one goes on, archiving or restoring,
// and no row is lost or twice there.
func TestStoppedArchiverIsGoneOnWith(t *testing.T) {
	o := newOffice(t)
	o.addScreening("x", 1100, 4)
	before := o.rows()
	o.advance(40 * 24 * time.Hour)
	stopAt := func(step int64) context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		var steps atomic.Int64
		o.onNow = func() {
			if steps.Add(1) == step {
				cancel()
			}
		}
		return ctx
	}
	stops := 0
	for step := int64(1); ; step++ {
		n, err := o.archiver().Run(stopAt(step), month)
		o.onNow = func() {}
		if err == nil {
			if n != 1 {
				t.Fatalf("stopped at step %d: archived %d without an error", step, n)
			}
			break
		}
		stops++
		if step%2 == 0 {
			o.run(1)
			o.wantEmpty()
			archived, err := o.stock.Archive(t.Context(), "x")
			if err != nil {
				t.Fatal(err)
			}
			for again := int64(1); ; again++ {
				_, err := o.archiver().Restore(stopAt(again), archived.File)
				o.onNow = func() {}
				if err == nil {
					break
				}
				stops++
			}
			o.wantRows(before)
			o.exec(o.stockDB, `DELETE FROM archives`)
		}
	}
	o.wantEmpty()
	if stops < 12 {
		t.Errorf("stopped %d times: the steps are not met", stops)
	}
}

// A worker that dies says nothing: its lease ends, and until then nobody else touches the screening.
func TestDeadArchiverIsTakenOver(t *testing.T) {
	o := newOffice(t)
	o.addScreening("x", 10, 0)
	o.advance(40 * 24 * time.Hour)
	if err := o.stock.BeginArchive(t.Context(), "x", filepath.Join(o.dir, "x.jsonl.gz"), "dead", o.now()); err != nil {
		t.Fatal(err)
	}
	o.run(0)
	if err := o.stock.TakeArchive(t.Context(), "x", "other"); !errors.Is(err, stock.ErrArchiveTaken) {
		t.Errorf("taken while its worker is alive: %v", err)
	}
	o.advance(2 * time.Minute)
	part := filepath.Join(o.dir, "x.jsonl.gz.123"+partEnding) // it was writing
	if err := os.WriteFile(part, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.run(1)
	o.wantEmpty()
	if entries, err := os.ReadDir(o.dir); err != nil || len(entries) != 1 || entries[0].Name() != "x.jsonl.gz" {
		t.Errorf("files %v, %v, want the archive's alone", entries, err)
	}
	if err := o.stock.DropReservations(t.Context(), "x", "dead", nil); !errors.Is(err, stock.ErrArchiveTaken) {
		t.Errorf("a worker that was taken for dead goes on: %v", err)
	}
}

// Nothing is deleted that is not in a whole file.
func TestDamagedFileDeletesAndRestoresNothing(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-9] },
		"flipped": func(b []byte) []byte { b[len(b)/2] ^= 0x10; return b },
		"empty":   func([]byte) []byte { return nil },
		"text":    func([]byte) []byte { return []byte("orders") },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.addScreening("x", 1100, 0) // of which the first steps could be read
			o.advance(40 * 24 * time.Hour)
			o.run(1)
			archived, err := o.stock.Archive(t.Context(), "x")
			if err != nil {
				t.Fatal(err)
			}
			whole, err := os.ReadFile(archived.File)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(archived.File, damage(append([]byte(nil), whole...)), 0o600); err != nil {
				t.Fatal(err)
			}
			after := o.rows()
			if _, err := o.archiver().Restore(t.Context(), archived.File); !errors.Is(err, ErrDamaged) {
				t.Errorf("restored: %v", err)
			}
			o.wantRows(after)

			// The same file met on the way into the archive.
			if err := os.WriteFile(archived.File, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := o.archiver().Restore(t.Context(), archived.File); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(archived.File, damage(append([]byte(nil), whole...)), 0o600); err != nil {
				t.Fatal(err)
			}
			before := o.rows()
			if err := o.archiver().verifyAndDrop(t.Context(), archived); !errors.Is(err, ErrDamaged) {
				t.Errorf("dropped: %v", err)
			}
			o.wantRows(before)
		})
	}
}

// Another archive's file, of the same screening in another office, or made by hand, is whole and not the one.
func TestOtherFileIsNotRestored(t *testing.T) {
	o := newOffice(t)
	o.addScreening("x", 10, 0)
	o.addScreening("y", 9, 0)
	o.advance(40 * 24 * time.Hour)
	o.run(2)
	after := o.rows()
	o.exec(o.stockDB, `UPDATE archives SET orders = orders + 1 WHERE screening_id = 'x'`)
	o.exec(o.stockDB, `DELETE FROM archives WHERE screening_id = 'y'`)
	for screening, want := range map[string]error{"x": ErrDamaged, "y": stock.ErrNotArchived} {
		if _, err := o.archiver().Restore(t.Context(), filepath.Join(o.dir, "screening-"+screening+fileEnding)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", screening, err, want)
		}
	}
	o.wantRows(after)
}

// The provider delivers a payment again while its order is in the archive: it is parked. It pays nothing twice, and when
// the order comes back it is the archived one.
func TestPaymentThatComesAgainIsTheArchivedOne(t *testing.T) {
	o := newOffice(t)
	o.addScreening("x", 4, 0)
	before := o.rows()
	var id string
	if err := o.orderDB.Reader().GetContext(t.Context(), &id, `SELECT order_id FROM payments ORDER BY order_id LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	o.advance(40 * 24 * time.Hour)
	o.run(1)
	result, err := o.orders.Pay(t.Context(), order.Payment{ID: "pay-" + id, OrderID: id, Amount: event.Money{Amount: 9800, Currency: "CNY"}, WebhookID: "again"})
	if err != nil || result != order.Parked {
		t.Fatalf("payment again: %s, %v", result, err)
	}
	archived, err := o.stock.Archive(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.archiver().Restore(t.Context(), archived.File); err != nil {
		t.Fatal(err)
	}
	o.wantRows(before)
}

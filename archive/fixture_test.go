package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
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

// archiver works in small steps, so that a few orders make several.
func (o *office) archiver() *Archiver {
	a := New(o.stock, o.orders, Options{
		Dir: o.dir, Now: o.now, Log: slog.New(slog.DiscardHandler), Ready: func(context.Context) error { return nil },
	})
	a.rows = 5
	return a
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
	var reservations, orders, payments, attempts, holdings []any
	sold := int64(0)
	for i := range n {
		at := now.Add(time.Duration(i/7) * time.Millisecond)
		orderID, buyer := stock.NewID(at), fmt.Sprintf("buyer-%d", i)
		reservation, state, reason := stock.Sold, order.Paid, any(nil)
		recorded := at.Add(30*time.Millisecond).UnixMilli() * min(i, 1) // the first as of an earlier version
		if i%4 == 3 {
			reservation, state, reason = stock.Released, order.Cancelled, "unpaid"
		} else {
			sold += 2
			payments = append(payments, "pay-"+orderID, orderID, 9800, "CNY", "webhook", "applied", at.UnixMilli())
		}
		reservations = append(reservations, orderID, stock.RequestID(buyer, id), id, buyer, 2, 9800, "CNY", string(reservation),
			at.UnixMilli(), at.UnixMilli()+1000, at.UnixMilli()+500)
		orders = append(orders, orderID, id, buyer, 2, 9800, "CNY", string(state), reason, at.UnixMilli(), recorded, at.UnixMilli()+1000,
			at.UnixMilli()+500)
		for n, attempt := range []string{"closed", "paid"} {
			attempts = append(attempts, fmt.Sprint("attempt-", orderID, n), orderID, "stripe", 9800, "CNY", attempt, "https://rex.example/o/"+orderID,
				"ref-"+orderID, `{"kind":"redirect","url":"https://pay.example"}`, at.UnixMilli()+1000,
				n+1, at.UnixMilli()+2, at.UnixMilli(), at.UnixMilli()+9)
		}
		holdings = append(holdings, id, buyer, 2)
	}
	dbtest.Insert(o.t, o.stockDB, `reservations (order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state,
		created_at, expires_at, settled_at)`, reservations...)
	if limit > 0 {
		dbtest.Insert(o.t, o.stockDB, `holdings (screening_id, buyer_id, quantity)`, holdings...)
	}
	dbtest.Insert(o.t, o.orderDB, `orders (id, screening_id, buyer_id, quantity, amount, currency, state, cancel_reason,
		created_at, recorded_at, expires_at, settled_at)`, orders...)
	dbtest.Insert(o.t, o.orderDB, `payments (id, order_id, amount, currency, webhook_id, result, received_at)`, payments...)
	dbtest.Insert(o.t, o.orderDB, `payment_attempts (id, order_id, provider, amount, currency, state, return_url, reference, action,
		expires_at, tries, next_at, created_at, changed_at)`, attempts...)
	dbtest.Exec(o.t, o.stockDB, `UPDATE stock SET sold = ?, available = capacity - ?, sales = ? WHERE screening_id = ?`,
		sold, sold, n, id)
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
		{o.orderDB, `SELECT * FROM payment_attempts ORDER BY id`},
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
	for table, d := range map[string]*db.DB{
		"reservations": o.stockDB, "holdings": o.stockDB, "orders": o.orderDB, "payments": o.orderDB, "payment_attempts": o.orderDB,
	} {
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

func (o *office) archiveFile(screeningID string) string {
	o.t.Helper()
	archived, err := o.stock.Archive(o.t.Context(), screeningID)
	if err != nil {
		o.t.Fatal(err)
	}
	return archived.File
}

// wantFiles compares the files of the archive's directory, which are all that is in it.
func (o *office) wantFiles(want ...string) {
	o.t.Helper()
	got, err := filepath.Glob(filepath.Join(o.dir, "*"))
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		o.t.Errorf("files %q, %v, want %q", got, err, want)
	}
}

func (o *office) restore(file string) {
	o.t.Helper()
	if _, err := o.archiver().Restore(o.t.Context(), file); err != nil {
		o.t.Fatal(err)
	}
}

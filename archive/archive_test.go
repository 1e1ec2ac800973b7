package archive

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/stock"
)

// What is archived is gone from both databases but for its sums, and comes back row by row as it was.
func TestArchivedOrdersComeBackAsTheyWere(t *testing.T) {
	o := newOffice(t)
	o.addScreening("a-b", 23, 4)
	before := o.rows()
	o.advance(40 * 24 * time.Hour)
	o.run(1)
	o.wantEmpty()
	archived, err := o.stock.Archive(t.Context(), "a-b")
	if want := (stock.ArchiveSums{Orders: 23, PaidOrders: 18, TicketsSold: 36, AmountPaid: 18 * 9800}); err != nil || archived.Sums != want {
		t.Errorf("sums %+v, %v, want %+v", archived.Sums, err, want)
	}
	if n := o.count(o.stockDB, "archived_requests"); n != 23 {
		t.Errorf("%d request ids are kept, want 23", n)
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
	if again, err := o.stock.Archive(t.Context(), "a-b"); err != nil || again.File == archived.File {
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
		"settled lately":        {`UPDATE reservations SET settled_at = settled_at + 2592000000`, false, nil},
		"order is pending":      {`UPDATE orders SET state = 'PENDING_PAYMENT', settled_at = NULL WHERE state = 'PAID'`, true, ErrUnsettled},
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
			dbtest.Exec(o.t, d, change.statement)
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
	o.addScreening("x", 12, 4)
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
			dbtest.Exec(o.t, o.stockDB, `DELETE FROM archives`)
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
	lease, err := o.stock.BeginArchive(t.Context(), "x", "dead", o.now())
	if err != nil {
		t.Fatal(err)
	}
	o.run(0)
	if _, _, err := o.stock.TakeArchive(t.Context(), "x", "other"); !errors.Is(err, stock.ErrArchiveTaken) {
		t.Errorf("taken while its worker is alive: %v", err)
	}
	if _, err := createFile(o.dir, "x"); err != nil { // it was writing
		t.Fatal(err)
	}
	o.advance(6 * time.Minute)
	o.run(1)
	o.wantEmpty()
	o.wantFiles(o.archiveFile("x"))
	if err := o.stock.DropReservations(t.Context(), lease, nil); !errors.Is(err, stock.ErrArchiveTaken) {
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
			o.addScreening("x", 12, 0) // of which the first steps could be read
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
			if err := o.archiver().verifyAndDrop(t.Context(), stock.ArchiveLease{ScreeningID: "x", Epoch: 9}, archived); !errors.Is(err, ErrDamaged) {
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
	files := map[string]error{o.archiveFile("x"): ErrDamaged, o.archiveFile("y"): stock.ErrNotArchived}
	dbtest.Exec(o.t, o.stockDB, `UPDATE archives SET orders = orders + 1 WHERE screening_id = 'x'`)
	dbtest.Exec(o.t, o.stockDB, `DELETE FROM archives WHERE screening_id = 'y'`)
	for file, want := range files {
		if _, err := o.archiver().Restore(t.Context(), file); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", file, err, want)
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
	result, err := o.orders.Pay(t.Context(), order.Payment{
		ID: "pay-" + id, OrderID: id, Amount: event.Money{Amount: 9800, Currency: "CNY"}, WebhookID: "again",
	})
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

// Package stocktest gives tests a fresh stock database and looks for rows of one that contradict each other. It knows the
// schema alone, so that the tests of stock can use it as well as those of packages above it.
package stocktest

import (
	"io/fs"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/sql"
)

// Opening is the time at which every Clock begins, in Unix milliseconds.
const Opening = 1_795_000_000_000

// Clock is the time of one test, moved by hand.
type Clock struct{ ms atomic.Int64 }

// NewClock returns a clock that stands at Opening.
func NewClock() *Clock {
	c := &Clock{}
	c.ms.Store(Opening)
	return c
}

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.ms.Load()).UTC() }

// Advance moves the clock, backwards too.
func (c *Clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// NewDB returns a database with the schema of stock, which goes when the test ends.
func NewDB(t testing.TB) *db.DB {
	t.Helper()
	return dbtest.New(t, migrations(t))
}

// Open opens a database that dbtest.DSN has named, for a process of its own.
func Open(t testing.TB, dsn string) *db.DB {
	t.Helper()
	return dbtest.Open(t, dsn, migrations(t))
}

func migrations(t testing.TB) fs.FS {
	t.Helper()
	files, err := sql.Stock()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Violations looks for rows that contradict each other, in the whole database.
func Violations(t interface{ Fatal(...any) }, d *db.DB) (found []string) {
	for what, query := range map[string]string{
		"counters do not add up to the capacity": `SELECT COUNT(*) FROM stock
			WHERE available + reserved + sold <> capacity OR available < 0 OR reserved < 0 OR sold < 0`,
		"counters differ from the reservations": `SELECT COUNT(*) FROM stock k WHERE
			reserved <> (SELECT COALESCE(SUM(quantity), 0) FROM reservations r
				WHERE r.screening_id = k.screening_id AND r.state = 'reserved') OR
			sold <> (SELECT COALESCE(SUM(quantity), 0) FROM reservations r
				WHERE r.screening_id = k.screening_id AND r.state = 'sold')`,
		"holdings differ from the reservations": `SELECT COUNT(*) FROM holdings h
			JOIN screenings s ON s.id = h.screening_id WHERE s.per_user_limit > 0 AND h.quantity <>
				(SELECT COALESCE(SUM(quantity), 0) FROM reservations r WHERE r.screening_id = h.screening_id
				AND r.buyer_id = h.buyer_id AND r.state <> 'released')`,
		"reservations under a limit lack a holding": `SELECT COUNT(*) FROM reservations r
			JOIN screenings s ON s.id = r.screening_id LEFT JOIN holdings h
				ON h.screening_id = r.screening_id AND h.buyer_id = r.buyer_id
			WHERE s.per_user_limit > 0 AND h.buyer_id IS NULL`,
		"holdings exceed the limit": `SELECT COUNT(*) FROM holdings h JOIN screenings s ON s.id = h.screening_id
			WHERE h.quantity > s.per_user_limit`,
	} {
		var n int
		if err := d.Reader().Get(&n, query); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			found = append(found, what)
		}
	}
	return found
}

package db_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
)

func insert(t *testing.T, d *db.DB, values ...any) error {
	t.Helper()
	return d.InTx(t.Context(), func(tx *db.Tx) error {
		return tx.Insert(t.Context(), "tickets (id, free_seats)", values)
	})
}

func TestInsertTakesAnyNumberOfRows(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	next := 0
	for _, rows := range []int{0, 1, 63, 64, 65, 200, 1200} {
		var values []any
		for range rows {
			values = append(values, strconv.Itoa(next), next)
			next++
		}
		if err := insert(t, d, values...); err != nil {
			t.Fatalf("%d rows: %v", rows, err)
		}
		var sum int
		if err := d.Reader().GetContext(t.Context(), &sum, `SELECT COALESCE(SUM(free_seats), 0) FROM tickets`); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d); n != next || sum != next*(next-1)/2 {
			t.Fatalf("%d rows that add up to %d, when %d were inserted", n, sum, next)
		}
	}
}

// A statement is kept compiled: one that has failed must work the next time, and one that has made room for others is
// compiled again.
func TestKeptStatementsWorkAgain(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	for round := range 3 {
		id := "again" + strconv.Itoa(round)
		if err := insert(t, d, id, 1); err != nil {
			t.Fatal(err)
		}
		if err := insert(t, d, id, 1); !d.IsDuplicate(err) {
			t.Fatalf("%s twice: %v, want a duplicate", id, err)
		}
		for free := range 50 { // as many statements, and more than are kept
			if err := exec(t, d, `UPDATE tickets SET free_seats = `+strconv.Itoa(free)+` WHERE id = ?`, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := count(t, d); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

// A panic that somebody above recovers left its transaction open, and on SQLite everybody who writes behind it.
func TestInTxRollsBackOnPanic(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_ = d.InTx(context.Background(), func(tx *db.Tx) error {
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO tickets (id, free_seats) VALUES ('a', 1)`); err != nil {
				t.Error(err)
			}
			panic("in a transaction")
		})
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := d.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO tickets (id, free_seats) VALUES ('b', 1)`)
		return err
	}); err != nil || count(t, d) != 1 {
		t.Errorf("the next one: %v, %d rows, want that of the next one", err, count(t, d))
	}
}

package db_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
)

// Each service cut its lists of ids for itself. A list of more than one statement is read and changed as a whole, and a guard is
// that of each id, wherever in the list it stands.
func TestListsOfIDsOfSeveralStatements(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	ctx := t.Context()
	var all []string
	var values []any
	for i := range 2*db.InMax + 1 {
		all = append(all, strconv.Itoa(i))
		values = append(values, strconv.Itoa(i), 1)
	}
	if err := insert(t, d, values...); err != nil {
		t.Fatal(err)
	}
	free := func(seats int) []string {
		ids, err := db.SelectIn[string](ctx, d.Reader(), `SELECT id FROM tickets WHERE id IN (?) AND free_seats = ?`, all, seats)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	take := func(ids []string) error {
		return d.InTx(ctx, func(tx *db.Tx) error {
			return tx.ChangeEach(ctx, `UPDATE tickets SET free_seats = ? WHERE free_seats = ? AND id IN (?)`, ids, 0, 1)
		})
	}
	if err := take(append(slices.Clone(all), "absent")); !errors.Is(err, db.ErrConflict) {
		t.Errorf("with one that is absent: %v", err)
	}
	if n := len(free(1)); n != len(all) {
		t.Fatalf("%d are free after a change that failed, want %d", n, len(all))
	}
	if err := take(all); err != nil || len(free(0)) != len(all) {
		t.Errorf("%d are taken, %v; want %d", len(free(0)), err, len(all))
	}
	err := d.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecIn(ctx, `UPDATE tickets SET free_seats = ? WHERE id IN (?)`, append(slices.Clone(all[1:]), "absent"), 2)
	})
	if left := free(0); err != nil || !slices.Equal(left, all[:1]) {
		t.Errorf("left are %q, %v", left, err)
	}
	if none, err := db.SelectIn[string](ctx, d.Reader(), `SELECT id FROM tickets WHERE id IN (?)`, nil); err != nil || len(none) != 0 {
		t.Errorf("of no ids: %q, %v", none, err)
	}
}

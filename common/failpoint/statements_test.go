//go:build failpoints

package failpoint_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"boxoffice/common/db"
	"boxoffice/common/failpoint"
)

// newCut opens a database with one table, whose connections are cut as the returned function says.
func newCut(t *testing.T) (d *db.DB, arm func(order string), armed func() bool) {
	t.Helper()
	dir := t.TempDir()
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(dir, "seats.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := exec1(t.Context(), d, `CREATE TABLE seats (id INTEGER PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	t.Setenv(failpoint.DirVariable, dir)
	file := filepath.Join(dir, "armed")
	arm = func(order string) {
		if err := os.WriteFile(file, []byte(order), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d, arm, func() bool { _, err := os.Stat(file); return err == nil }
}

func exec1(ctx context.Context, d *db.DB, statement string, args ...any) error {
	return d.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}

// A connection that is cut before COMMIT has committed nothing, and one that is cut afterwards has, and nobody is told which:
// what works with the database has to take both for an outage, a COMMIT for one in doubt, and the next connection works.
func TestWithAConnectionThatIsCut(t *testing.T) {
	const insert = `INSERT INTO seats (id) VALUES (?)`
	for name, c := range map[string]struct {
		order   string
		inDoubt bool
		rows    int
	}{
		"before the statement": {"cut\t1\tbefore seats: " + insert, false, 0},
		"after the statement":  {"cut\t1\tafter seats: " + insert, false, 0},
		"before BEGIN":         {"cut\t1\tbefore seats: BEGIN", false, 0},
		"before COMMIT":        {"cut\t1\tbefore seats: COMMIT after " + insert, true, 0},
		"after COMMIT":         {"cut\t1\tafter seats: COMMIT after " + insert, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d, arm, armed := newCut(t)
			arm(c.order)
			err := exec1(t.Context(), d, insert, 1)
			if err == nil || !d.IsUnavailable(err) || errors.Is(err, db.ErrCommitInDoubt) != c.inDoubt {
				t.Errorf("error %v, commit in doubt should be %v", err, c.inDoubt)
			}
			if armed() {
				t.Error("the order was not carried out")
			}
			var n int
			if err := d.Reader().GetContext(t.Context(), &n, `SELECT COUNT(*) FROM seats`); err != nil || n != c.rows {
				t.Errorf("%d rows, %v; want %d", n, err, c.rows)
			}
			if err := exec1(t.Context(), d, insert, 2); err != nil {
				t.Errorf("the next connection: %v", err)
			}
		})
	}
}

// An order for another step or statement, and one whose chance has not come, are left for whoever they mean.
func TestWithAnOrderForSomethingElse(t *testing.T) {
	d, arm, armed := newCut(t)
	for _, order := range []string{"kill\t1\tsettled.sent", "kill\t0\torder.created", "cut\t1\tbefore stock: BEGIN", "nonsense"} {
		arm(order)
		failpoint.Hit("order.created")
		if err := exec1(t.Context(), d, `DELETE FROM seats`); err != nil {
			t.Errorf("%q: %v", order, err)
		}
		if !armed() {
			t.Errorf("%q was taken", order)
		}
	}
}

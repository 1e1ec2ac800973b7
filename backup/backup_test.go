package backup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/sql"
	"boxoffice/stock/stocktest"
)

// newOffice is an embedded office in a directory of its own, with nothing in its databases.
func newOffice(t *testing.T) Office {
	t.Helper()
	orders, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	return Office{
		Stock: stocktest.Open(t, "sqlite:"+filepath.Join(dir, StockFile)), Orders: dbtest.Open(t, "sqlite:"+filepath.Join(dir, OrderFile), orders),
		DataDir: dir, ArchiveDir: filepath.Join(dir, "archive"),
	}
}

func now() time.Time { return time.UnixMilli(stocktest.Opening) }

func mustTake(t *testing.T, o Office, dir string) Taken {
	t.Helper()
	taken, err := o.Take(t.Context(), dir, now())
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

// wantRefusal wants an error of one line that says all of this.
func wantRefusal(t *testing.T, what string, err error, sentences ...string) {
	t.Helper()
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: got error %v, want one line", what, err)
		return
	}
	for _, sentence := range sentences {
		if !strings.Contains(err.Error(), sentence) {
			t.Errorf("%s: got error %v, want %q", what, err, sentence)
		}
	}
}

// A backup inside of the data directory was made without a word, and is lost with what it is a backup of; by a link as well.
func TestNoBackupIsMadeInsideTheDataDirectory(t *testing.T) {
	o := newOffice(t)
	parent := filepath.Dir(o.DataDir)
	link := filepath.Join(parent, "link")
	if err := os.Symlink(filepath.Join(o.DataDir, "deep"), link); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(o.DataDir, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, inside := range []string{
		filepath.Join(o.DataDir, "copy"), filepath.Join(o.DataDir, "backups", "monday"), filepath.Join(link, "copy"),
		filepath.Join(o.DataDir, "..", "data", "copy"),
	} {
		_, err := o.Take(t.Context(), inside, now())
		wantRefusal(t, inside, err, "outside of "+o.DataDir)
		if _, err := os.Lstat(inside); err == nil {
			t.Errorf("%s was made", inside)
		}
	}
	mustTake(t, o, o.DataDir+"-copy")
	mustTake(t, o, filepath.Join(parent, "backups", "monday"))
	t.Chdir(parent)
	relative := o
	relative.DataDir = "data"
	mustTake(t, relative, "tuesday")
	_, err := relative.Take(t.Context(), "data/tuesday", now())
	wantRefusal(t, "relative", err, "outside of data")
}

// Archived orders are in no database, so a backup of the databases has none of them, and nobody said so.
func TestBackupNamesTheArchiveThatItLeavesOut(t *testing.T) {
	o := newOffice(t)
	parent := filepath.Dir(o.DataDir)
	if taken := mustTake(t, o, filepath.Join(parent, "none")); taken.ArchiveDir != "" {
		t.Errorf("without an archive it names %q", taken.ArchiveDir)
	}
	if err := os.Mkdir(o.ArchiveDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if taken := mustTake(t, o, filepath.Join(parent, "empty")); taken.ArchiveDir != "" {
		t.Errorf("with an empty archive it names %q", taken.ArchiveDir)
	}
	if err := os.WriteFile(filepath.Join(o.ArchiveDir, "screening-x.jsonl.gz"), []byte("orders"), 0o600); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(parent, "copy")
	if taken := mustTake(t, o, copied); taken.ArchiveDir != o.ArchiveDir {
		t.Errorf("it names %q, want %q", taken.ArchiveDir, o.ArchiveDir)
	}
	if left, err := filepath.Glob(filepath.Join(copied, "*.gz")); err != nil || len(left) > 0 {
		t.Errorf("the backup has %q, %v", left, err)
	}
}

// Who mistyped the directory read that the backup was damaged, and who restored to a directory with files in it that
// something had tried to remove it.
func TestRestoreSaysWhatIsInItsWay(t *testing.T) {
	o := newOffice(t)
	dir := filepath.Dir(o.DataDir)
	copied, target := filepath.Join(dir, "copy"), filepath.Join(dir, "target")
	mustTake(t, o, copied)
	restore := func(from string) error {
		_, err := Restore(t.Context(), from, target, now)
		return err
	}
	none := filepath.Join(dir, "nope")
	err := restore(none)
	wantRefusal(t, "no directory", err, "there is no backup: "+none+" does not exist")
	if strings.Contains(err.Error(), "damaged") {
		t.Errorf("no directory: %v", err)
	}
	wantRefusal(t, "another directory", restore(dir), dir+" holds no backup", "it has no backup.json")
	if err := os.Mkdir(target, 0o700); err != nil {
		t.Fatal(err)
	}
	somebodys := filepath.Join(target, "letter")
	if err := os.WriteFile(somebodys, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err = restore(copied)
	wantRefusal(t, "full directory", err, target+" is not empty", "move this one away")
	if strings.Contains(err.Error(), "remove") {
		t.Errorf("full directory: %v", err)
	}
	if err := os.Remove(somebodys); err != nil {
		t.Fatalf("what was there before: %v", err)
	}
	if err := restore(copied); err != nil {
		t.Errorf("empty directory: %v", err)
	}
}

// A restored office had forgotten the payments that started after its backup, and cancelled their orders without asking for
// them. A backup of an older version has no place to say so.
func TestRestoreHasPaymentsOfPendingOrdersAskedFor(t *testing.T) {
	for name, older := range map[string][]string{"of this version": nil, "of an older version": {
		`ALTER TABLE orders DROP COLUMN restored`, `DELETE FROM migrations WHERE name LIKE '122%'`,
		`DELETE FROM migration_sums WHERE name LIKE '122%'`,
	}} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			deadline := now().Add(time.Hour).UnixMilli()
			dbtest.Insert(t, o.Orders, `orders (id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at,
				settled_at)`,
				"due", "s", "alice", 1, 4900, "CNY", "PENDING_PAYMENT", 1, 2, nil,
				"pending", "s", "alice", 1, 4900, "CNY", "PENDING_PAYMENT", 1, deadline, nil,
				"paid", "s", "alice", 1, 4900, "CNY", "PAID", 1, 2, 2)
			if err := o.Orders.InTx(t.Context(), func(tx *db.Tx) error {
				for _, statement := range older {
					if _, err := tx.ExecContext(t.Context(), statement); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			copied, target := o.DataDir+"-copy", o.DataDir+"-restored"
			mustTake(t, o, copied)
			if _, err := Restore(t.Context(), copied, target, now); err != nil {
				t.Fatal(err)
			}
			d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(target, OrderFile))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			var until []int64
			if err := d.Reader().SelectContext(t.Context(), &until, `SELECT restored * ask_until FROM orders ORDER BY id`); err != nil {
				t.Fatal(err)
			}
			if len(until) != 3 || until[0] <= now().UnixMilli() || until[1] != 0 || until[2] <= deadline {
				t.Errorf("providers are asked until %v, want for the first and the last", until)
			}
			var searched int
			if err := d.Reader().GetContext(t.Context(), &searched, `SELECT COUNT(*) FROM restored_orders`); err != nil || searched != 2 {
				t.Errorf("forgotten payments of %d orders are looked for, %v, want of those two", searched, err)
			}
		})
	}
}

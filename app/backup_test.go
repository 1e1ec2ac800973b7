//go:build !race

package app

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db"
)

// command runs one of the program's commands with this office's environment.
func (o *officeTest) command(name string, args ...string) error {
	o.t.Helper()
	return run(o.t.Context(), nil, o.call(io.Discard, append([]string{name}, args...)...))
}

// A backup is taken in the middle of a sale, and the office is lost. Whatever was acknowledged before the backup is there
// again, with the payments that had been answered; what was on the way goes on; and the books are right.
func TestBackupOfARunningSaleIsRestored(t *testing.T) {
	t.Parallel()
	lost := newEmbedded(t, t.TempDir())
	args := []string{"-pay-window", "3s", "-sweep-grace", "10h"} // so that only what the restore makes due is swept
	lost.start(args...)
	s := openSale(lost, bookPace, lost.shop)
	s.sell(150)
	s.mu.Lock()
	known, payments := maps.Clone(s.orders), maps.Clone(s.payments)
	s.mu.Unlock()
	copied := filepath.Join(t.TempDir(), "backups", "one")
	if err := lost.command("backup", "-to", copied); err != nil {
		t.Fatal(err)
	}
	s.sell(50)
	s.close()
	lost.stop()

	o := newEmbedded(t, filepath.Join(t.TempDir(), "data"))
	if err := o.command("restore", "-from", copied); err != nil {
		t.Fatal(err)
	}
	o.start(args...)
	o.within(settleLimit, "every ticket settled", func() bool {
		_, reserved, _ := o.counters(s.screening)
		return reserved == 0
	})
	for id, buyer := range known {
		status, paid := o.order(buyer, id).Status, payments[id] == "applied"
		if status != "paid" && status != "cancelled" || paid && status != "paid" {
			t.Errorf("order %s ends as %q, its payment was %q", id, status, payments[id])
		}
	}
	o.wantHealthy(2 * time.Minute)
}

// An office with mail could not be backed up: its own database of mail was that of another office, because the command had not
// read whose it was. The demo is one, and whoever tries a backup tries it there.
func TestBackupOfADemoWithMail(t *testing.T) {
	lost := newDemoOffice(t)
	lost.tellsAt("alice", `{"email":"alice@example.org","language":"en"}`)
	order := lost.mustBuy("alice", "casablanca", 1)
	lost.eventuallyStatus("alice", order.ID, "pending_payment")
	copied := filepath.Join(t.TempDir(), "one")
	if err := lost.command("backup", "-to", copied); err != nil {
		t.Fatal(err)
	}
	lost.stop()

	o := demoToStart(t)
	if err := o.command("restore", "-from", copied); err != nil {
		t.Fatal(err)
	}
	o.start()
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	if r := o.must("GET", "/v1/contact", bearer(t, "alice", "buyer"), ""); !strings.Contains(string(r.body), "alice@example.org") {
		t.Errorf("alice's contact: %d %s", r.status, r.body)
	}
}

// An office that had lost its database of mail was backed up without a word of it, and the backup was taken for a whole one.
func TestBackupNamesWhatItLeavesOut(t *testing.T) {
	o := newDemoOffice(t)
	o.stop()
	if err := os.Remove(filepath.Join(o.dir, "notify.db")); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	if err := run(t.Context(), nil, o.call(&said, "backup", "-to", filepath.Join(t.TempDir(), "one"))); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "without a database of mail and SMS") || strings.Contains(said.String(), "tickets") {
		t.Errorf("the backup says %q", said.String())
	}
}

// Each command names the database that is another office's, and changes none.
func TestCommandsRefuseAnotherOfficesDatabase(t *testing.T) {
	for file, setting := range map[string]string{
		"order.db": "BOXOFFICE_ORDER_DSN", "tickets.db": "BOXOFFICE_TICKETS_DSN", "notify.db": "BOXOFFICE_NOTIFY_DSN",
	} {
		o := newDemoOffice(t)
		o.stop()
		o.write("sqlite:"+filepath.Join(o.dir, file), `UPDATE owner SET id = 'another'`)
		for name, args := range map[string][]string{"backup": {"-to", filepath.Join(t.TempDir(), "one")}, "doctor": nil} {
			if err := o.command(name, args...); err == nil || !strings.Contains(err.Error(), setting) {
				t.Errorf("%s with another's %s: %v, want %s in it", name, file, err, setting)
			}
		}
	}
}

// The backup is the first step of an upgrade, and the new program is at hand: its backup brought the schema of the running
// office up to date, whose processes could not start again, and it was itself no way back. So did the archive; and once more
// the backup, with the database of mail.
func TestCommandsLeaveAnOlderSchemaAlone(t *testing.T) {
	t.Parallel()
	o := newDemoOffice(t)
	o.stop()
	for _, older := range []struct {
		file, migration string
		commands        []string
	}{
		{"stock.db", "047_archives_digest.sql", []string{"backup", "archive", "doctor"}},
		{"order.db", "110_refunds_told.sql", []string{"backup", "archive", "doctor"}},
		{"tickets.db", "008_past_entries.sql", []string{"backup", "doctor"}},
		{"notify.db", "004_probe.sql", []string{"backup", "doctor"}},
	} {
		dsn := "sqlite:" + filepath.Join(o.dir, older.file)
		count := func() (n int) {
			o.read(dsn, &n, `SELECT COUNT(*) FROM migrations`)
			return n
		}
		whole := count()
		o.write(dsn, `CREATE TABLE put_away AS SELECT * FROM migrations WHERE name = ?`, older.migration)
		o.write(dsn, `DELETE FROM migrations WHERE name = ?`, older.migration)
		for _, name := range older.commands {
			var args []string
			if name == "backup" {
				args = []string{"-to", filepath.Join(t.TempDir(), "one")}
			}
			err := o.command(name, args...)
			if !errors.Is(err, db.ErrSchemaTooOld) || !strings.Contains(err.Error(), "the version of boxoffice that has run here last") {
				t.Errorf("%s with an older %s: %v, want that the other version is taken", name, older.file, err)
			}
			if n := count(); n != whole-1 {
				t.Fatalf("%s ran %d migrations of %s", name, n-whole+1, older.file)
			}
		}
		o.write(dsn, `INSERT INTO migrations SELECT * FROM put_away`)
	}
}

// Neither command writes over anything, and a backup that is not whole is not restored.
func TestBackupAndRestoreRefuse(t *testing.T) {
	dir := t.TempDir()
	o := newEmbedded(t, filepath.Join(dir, "data"))
	refuse := func(what, sentence, name string, args ...string) {
		t.Helper()
		if err := o.command(name, args...); err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%s: %v, want %q", what, err, sentence)
		}
	}
	refuse("backup without an office", "no office here", "backup", "-to", filepath.Join(dir, "none"))
	o.start()
	screening := o.addScreening(10, 0)
	copied := filepath.Join(dir, "copied")
	neighbour := filepath.Join(dir, "copied.part")
	if err := os.Mkdir(neighbour, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := o.command("backup", "-to", copied); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(neighbour); err != nil {
		t.Errorf("a directory of a like name: %v", err)
	}
	refuse("backup to nowhere", "set -to", "backup")
	refuse("backup over a backup", "is there already", "backup", "-to", copied)
	refuse("restore from nowhere", "set -from", "restore")
	refuse("restore over an office", "move this one away", "restore", "-from", copied)
	o.mustBuy("alice", screening, 1) // the office goes on

	o = newEmbedded(t, filepath.Join(dir, "other"))
	refuse("restore from no backup", "damaged or not complete", "restore", "-from", dir)
	for _, file := range []string{"stock.db", "order.db", "backup.json"} {
		path := filepath.Join(copied, file)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, damaged := range [][]byte{
			whole[:len(whole)/2], append([]byte{whole[0] ^ 1}, whole[1:]...), append(whole[:len(whole):len(whole)], whole...),
		} {
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			refuse("restore of a damaged "+file, "damaged or not complete", "restore", "-from", copied)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(o.dir); err == nil {
		t.Error("a restore that was refused left a directory")
	}
	if err := os.WriteFile(o.dir, []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuse("restore over a file", "move this one away", "restore", "-from", copied)
	if kept, err := os.ReadFile(o.dir); err != nil || string(kept) != "somebody's" {
		t.Errorf("the file is %q, %v", kept, err)
	}
	o.env["BOXOFFICE_STOCK_DSN"] = "mysql://user:password@127.0.0.1:3306/stock"
	refuse("backup of MySQL", "its own tools", "backup", "-to", filepath.Join(dir, "none"))
}

// Who stops a backup finds no half of one.
func TestStoppedBackupLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	o := newEmbedded(t, filepath.Join(dir, "data"))
	o.start()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := runBackup(ctx, o.call(io.Discard, "-to", filepath.Join(dir, "copied"))); err == nil {
		t.Error("a stopped backup succeeds")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("beside the data there are %v, %v", entries, err)
	}
}

//go:build !race

// The RocketMQ client's push consumer has a data race of its own at start, so what starts one is tested without -race.

package main

import (
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/sql"
)

func newBench(t *testing.T) *bench {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	return &bench{log: log, home: embeddedHome(log), root: t.TempDir(), pools: map[string]int{}}
}

// Group commit was lost to a lock held over the send, and nobody saw it because every order was still right. What an
// order costs in fsyncs, statements and frames does not depend on the machine's speed, so it can be a gate.
func TestCostsOfAnOrderAt256Buyers(t *testing.T) {
	got, err := newBench(t).count(t.Context(), buyersDefault, 40)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range goals() {
		_, unit, _ := strings.Cut(g.figure, ".")
		if value, ok := got[unit]; g.group == "counts" && (!ok || value > g.target) {
			t.Errorf("%s: %.4f, and the goal is %g", g.name, value, g.target)
		}
	}
	t.Logf("%v", got)
}

// Each variant is opened, sells for a moment, and has to account for every ticket.
func TestEveryVariantAccountsForItsTickets(t *testing.T) {
	b := newBench(t)
	b.duration = 50 * time.Millisecond
	b.quick = true
	b.pools = map[string]int{"tuned": 1, "plain": 1}
	long := []string{"growth", "homes", "counts", "expiry", "redis"} // or tested elsewhere
	b.only = slices.DeleteFunc(groupNames(everyGroup), func(group string) bool { return slices.Contains(long, group) })
	for _, m := range b.measurements() {
		if strings.HasSuffix(m.name, " HTTP") {
			continue
		}
		measured, err := m.run(t.Context())
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		round := figures{}
		round.add(m.name, measured)
		for _, g := range goals() {
			for _, figure := range []string{g.figure, g.against} {
				name, _, _ := strings.Cut(figure, ".")
				if _, ok := round.value(figure); name == m.name && !ok {
					t.Errorf("%s: %s is missing for the goal %q", m.name, figure, g.name)
				}
			}
		}
	}
}

// The counter took a prepared statement for none, and the office looked cheaper than it was.
func TestStatementsAreCounted(t *testing.T) {
	b := newBench(t)
	counter := &statementCounter{}
	_, err := b.onFixture(t.Context(), b.home, func(f *fixture) (figures, error) {
		d, err := f.database(t.Context(), "stock", sql.Stock)
		if err != nil {
			return nil, err
		}
		if err := counter.watch(d); err != nil {
			return nil, err
		}
		var n int
		err = d.InTx(t.Context(), func(tx *db.Tx) error { // BEGIN, INSERT, SELECT, COMMIT
			_, err := tx.ExecContext(t.Context(), `INSERT INTO fences (tx_id, outcome) VALUES (?, ?)`, "a", "committed")
			return errors.Join(err, tx.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM fences WHERE tx_id = ?`, "a"))
		})
		refused := d.InTx(t.Context(), func(*db.Tx) error { return io.EOF }) // BEGIN, ROLLBACK
		err = errors.Join(err, d.Reader().GetContext(t.Context(), &n, `SELECT COUNT(*) FROM fences`))
		if !errors.Is(refused, io.EOF) || n != 1 {
			t.Errorf("%v, %d rows", refused, n)
		}
		return nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if all, commits := counter.all.Load(), counter.commits.Load(); all != 7 || commits != 1 {
		t.Errorf("%d statements and %d commits, want 7 and 1", all, commits)
	}
}

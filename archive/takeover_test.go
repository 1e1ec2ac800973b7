package archive

import (
	"errors"
	"os"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/order"
	"boxoffice/stock"
)

// A worker was only slow, as a machine is that was asleep. Another one took it for dead, and had written the file of the
// same name: the slow one put its own in that place, went on deleting orders that had been restored meanwhile, and put
// back what was archived again. Whenever it wakes up, it changes nothing any more.
func TestSlowWorkerIsFenced(t *testing.T) {
	run := func(a *Archiver, o *office) error { _, err := a.Run(o.t.Context(), month); return err }
	restore := func(a *Archiver, o *office) error {
		_, err := a.Restore(o.t.Context(), o.archiveFile("x"))
		return err
	}
	for name, c := range map[string]struct {
		archived bool // before
		slow     func(*Archiver, *office) error
		others   []func(*Archiver, *office) error
	}{
		"archiving, archived":           {false, run, []func(*Archiver, *office) error{run}},
		"archiving, archived, restored": {false, run, []func(*Archiver, *office) error{run, restore}},
		"restoring, restored":           {true, restore, []func(*Archiver, *office) error{restore}},
		"restoring, archived":           {true, restore, []func(*Archiver, *office) error{run}},
		"restoring, archived, restored": {true, restore, []func(*Archiver, *office) error{run, restore}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.addScreening("x", 8, 4)
			o.advance(40 * 24 * time.Hour)
			before := o.rows()
			step := 1
			for o.sleepsAt(step, func() error { return c.slow(o.archiver(), o) }, func() {
				for _, other := range c.others {
					if err := other(o.archiver(), o); err != nil {
						t.Errorf("asleep at step %d: %v", step, err)
					}
				}
			}, func() {
				if c.archived {
					o.run(1)
				}
			}) {
				o.wantNothingLost(before)
				if name == "archiving, archived" { // by one of them: the other's file is gone
					o.wantFiles(o.archiveFile("x"))
					mustRemove(t, o.archiveFile("x"))
				}
				dbtest.Exec(o.t, o.stockDB, `DELETE FROM archives`)
				step++
			}
			if step < 6 {
				t.Errorf("asleep at %d steps: they are not met", step)
			}
		})
	}
}

// The same, asleep between the steps in the two databases: what it deletes of orders, it deletes in the other one first.
func TestSlowWorkerDeletesNoRestoredOrder(t *testing.T) {
	o := newOffice(t)
	o.addScreening("x", 10, 4)
	before := o.rows()
	o.advance(40 * 24 * time.Hour)
	slow := o.archiver()
	lease, err := o.stock.BeginArchive(t.Context(), "x", slow.worker, o.now())
	if err != nil {
		t.Fatal(err)
	}
	archived, err := slow.write(t.Context(), lease)
	if err != nil {
		t.Fatal(err)
	}
	o.advance(6 * time.Minute)
	o.run(1)
	o.restore(o.archiveFile("x"))
	if err := slow.dropRows(t.Context(), lease, archived.File); !errors.Is(err, order.ErrFenced) {
		t.Errorf("it goes on: %v", err)
	}
	o.wantRows(before)
}

// sleepsAt does something that sleeps at one of its steps, long enough to be taken for dead, and wakes up when others
// have done what they do. It tells whether there is such a step.
func (o *office) sleepsAt(step int, slow func() error, others, first func()) (reached bool) {
	o.t.Helper()
	first()
	o.onNow = func() {
		if step--; step == 0 {
			reached, o.onNow = true, func() {}
			o.advance(6 * time.Minute)
			others()
		}
	}
	err := slow()
	o.onNow = func() {}
	for _, expected := range []error{nil, stock.ErrArchiveTaken, stock.ErrNotArchived, order.ErrFenced} {
		if errors.Is(err, expected) {
			return reached
		}
	}
	o.t.Errorf("who was asleep says %v", err)
	return reached
}

// wantNothingLost restores what is archived, and compares it with what there was.
func (o *office) wantNothingLost(before []string) {
	o.t.Helper()
	archived, err := o.stock.Archive(o.t.Context(), "x")
	if err != nil && !errors.Is(err, stock.ErrNotArchived) {
		o.t.Fatal(err)
	}
	if err == nil && archived.RestoredAt.IsZero() {
		o.wantEmpty()
		o.restore(archived.File)
	}
	o.wantRows(before)
}

func mustRemove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

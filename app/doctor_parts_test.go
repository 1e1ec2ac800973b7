//go:build !race

package app

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/doctor"
)

// skippedOf examines the office and returns the last line for people, with the parts that it names as not examined.
func (o *officeTest) skippedOf(ahead time.Duration, args ...string) (verdict string, parts []string) {
	o.t.Helper()
	r, err := o.doctor(ahead, args...)
	if err != nil {
		o.t.Fatalf("doctor: %v, %+v", err, r.Troubles)
	}
	for _, s := range r.Skipped {
		parts = append(parts, s.Part)
	}
	var out bytes.Buffer
	if err := runDoctor(o.t.Context(), o.callAhead(ahead, &out, args...)); err != nil {
		o.t.Fatalf("doctor: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return lines[len(lines)-1], parts
}

// An order was paid, and the databases of the tickets and of mail were lost. The doctor said that all was well.
func TestDoctorNamesThePartsWhoseDatabaseIsLost(t *testing.T) {
	o := newDemoOffice(t)
	order := o.mustBuy("alice", "casablanca", 1)
	o.paysAtTheSimulator("alice", order.ID)
	o.eventuallyStatus("alice", order.ID, "paid")
	o.eventually("all is confirmed", func() bool {
		r, err := o.doctor(2 * time.Minute)
		return err == nil && r.Healthy() && nothingWaits(r) && len(r.Skipped) == 0
	})
	o.stop()
	for _, file := range []string{"tickets.db", "notify.db"} {
		lost, err := filepath.Glob(filepath.Join(o.dir, file+"*"))
		if err != nil || len(lost) == 0 {
			t.Fatalf("no %s: %v", file, err)
		}
		for _, path := range lost {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	verdict, parts := o.skippedOf(2 * time.Minute)
	if !slices.Equal(parts, []string{"tickets", "mail and SMS"}) || !strings.HasSuffix(verdict, "not examined: tickets, mail and SMS") {
		t.Errorf("the doctor skips %q and says %q", parts, verdict)
	}
}

// A database of mail that could not be opened was said to be a server's, and no more: the start named neither the setting nor
// the reason, and the doctor, just when it was needed, examined nothing.
func TestDatabaseOfMailThatCannotBeOpenedIsNamed(t *testing.T) {
	o := newDemoOffice(t)
	o.stop()
	path := filepath.Join(o.dir, "notify.db")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if verdict, parts := o.skippedOf(2 * time.Minute); !slices.Equal(parts, []string{"mail and SMS"}) {
		t.Errorf("the doctor skips %q and says %q", parts, verdict)
	}
	o.wantNoStart("BOXOFFICE_NOTIFY_DSN")
}

// On a cluster a shell without the variables of tickets and mail left out both, with their consumer groups and their dead
// letters. An office that never had them is still well.
func TestDoctorAsksTheQueueForThePartsOfTheOffice(t *testing.T) {
	plain := newOffice(t)
	plain.wantHealthy(0)
	if verdict, parts := plain.skippedOf(0); verdict != "all is well" || parts != nil {
		t.Errorf("of an office without further parts the doctor skips %q and says %q", parts, verdict)
	}

	o, _ := newTicketOffice(t)
	o.wantHealthy(0)
	for _, name := range []string{"BOXOFFICE_TICKETS_DSN", "BOXOFFICE_TICKET_KEY"} {
		delete(o.env, name)
	}
	o.env["BOXOFFICE_DATA_DIR"] = t.TempDir() // another machine, on which nothing is found beside the configured databases
	verdict, parts := o.skippedOf(0)
	if !slices.Equal(parts, []string{"tickets"}) || !strings.HasSuffix(verdict, "not examined: tickets") {
		t.Errorf("the doctor skips %q and says %q", parts, verdict)
	}
	if r, err := o.doctor(0); err != nil || !slices.ContainsFunc(r.Queue.Lags, func(l doctor.Lag) bool { return l.Group == "boxoffice-tickets" }) {
		t.Errorf("%v: the queue of the tickets is not examined: %+v", err, r.Queue)
	}
}

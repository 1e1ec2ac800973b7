//go:build !race

package app

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// archive runs boxoffice archive for this office as it will be after some time, and returns what it prints.
func (o *officeTest) archive(ahead time.Duration, args ...string) (string, error) {
	o.t.Helper()
	var out bytes.Buffer
	err := runArchive(o.t.Context(), o.callAhead(ahead, &out, args...))
	return out.String(), err
}

// archiveFile is the only file of a screening in the archive.
func (o *officeTest) archiveFile(screening string) string {
	o.t.Helper()
	files, err := filepath.Glob(filepath.Join(o.dir, "archive", "screening-"+screening+".*.jsonl.gz"))
	if err != nil || len(files) != 1 {
		o.t.Fatalf("files of the archive: %q, %v, want one", files, err)
	}
	return files[0]
}

// The orders of a screening that is over go to a file, beside a running office, and come back from it. Meanwhile their
// keys buy nothing, whatever is changed is refused, and the doctor is content.
func TestArchiveAndRestore(t *testing.T) {
	o := newOffice(t)
	over, next := o.addScreening(10, 4), o.addScreening(10, 0)
	paid, cancelled := o.mustBuy("alice", over, 2), o.mustBuy("bob", over, 1)
	o.eventuallyStatus("alice", paid.ID, "pending_payment")
	o.callback("pay", paid.ID, 2)
	o.must("POST", "/v1/orders/"+cancelled.ID+"/cancel", bearer(t, "bob", "buyer"), "")
	o.eventuallyCounters(over, 8, 0, 2)

	month := 31 * 24 * time.Hour
	if out, err := o.archive(month); err != nil || !strings.Contains(out, "archived screenings: 0") {
		t.Fatalf("archive too early: %v\n%s", err, out)
	}
	if out, err := o.archive(month + 72*time.Hour); err != nil || !strings.Contains(out, "archived screenings: 2") {
		t.Fatalf("archive: %v\n%s", err, out)
	}
	// The other screening had no orders; it comes back to sell.
	if out, err := o.archive(0, "-restore", o.archiveFile(next)); err != nil {
		t.Fatalf("restore: %v\n%s", err, out)
	}
	for what, r := range map[string]response{
		"404 not_found":              o.must("GET", "/v1/orders/"+paid.ID, bearer(t, "alice", "buyer"), ""),
		"409 sale_closed":            o.buy("alice", over, "key-of-alice", 2),
		"422 idempotency_key_reused": o.buy("alice", next, "key-of-alice", 1),
		"409 screening_archived":     o.must("PATCH", "/v1/screenings/"+over, bearer(t, "boss", "admin"), `{"capacity":20}`),
	} {
		if got := fmt.Sprint(r.status, " ", r.code()); got != what {
			t.Errorf("%s %s, want %s", got, r.body, what)
		}
	}
	o.wantHealthy(2 * time.Minute)

	if out, err := o.archive(0, "-restore", o.archiveFile(over)); err != nil {
		t.Fatalf("restore: %v\n%s", err, out)
	}
	if got := o.order("alice", paid.ID); got.Status != "paid" {
		t.Errorf("alice's order is %s, want paid", got.Status)
	}
	again := o.buy("alice", over, "key-of-alice", 2)
	if again.status != http.StatusAccepted && again.status != http.StatusOK || decode[orderJSON](t, again).ID != paid.ID {
		t.Errorf("alice's key: %d %s, want her order", again.status, again.body)
	}
	o.eventuallyCounters(over, 8, 0, 2)
	o.wantHealthy(2 * time.Minute)
}

// With an age in its settings the office archives by itself.
func TestOfficeArchivesByItself(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	paid := o.mustBuy("alice", screening, 2)
	o.eventuallyStatus("alice", paid.ID, "pending_payment")
	o.callback("pay", paid.ID, 2)
	o.eventuallyCounters(screening, 8, 0, 2)
	o.stop()
	o.clock.offset.Add(int64(35 * 24 * time.Hour))
	o.start("-archive-after", "720h")
	o.eventually("the order is archived", func() bool {
		return o.must("GET", "/v1/orders/"+paid.ID, bearer(t, "alice", "buyer"), "").status == http.StatusNotFound
	})
	if content, err := os.ReadFile(o.archiveFile(screening)); err != nil || len(content) == 0 {
		t.Errorf("its file has %d bytes, %v", len(content), err)
	}
}

// A directory that cannot be written, or an office that is not there, changes nothing and says so.
func TestArchiveThatCannotBegin(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	if err := os.WriteFile(filepath.Join(o.dir, "archive"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := o.archive(40 * 24 * time.Hour); err == nil {
		t.Errorf("archived into a file: %s", out)
	}
	o.mustBuy("alice", screening, 1)
	empty := &officeTest{home: home{dir: t.TempDir()}, t: t, clock: &testClock{}, env: map[string]string{}}
	empty.env["BOXOFFICE_DATA_DIR"] = empty.dir
	if _, err := empty.archive(0); err == nil || !strings.Contains(err.Error(), "no office here") {
		t.Errorf("archive of nothing: %v", err)
	}
}

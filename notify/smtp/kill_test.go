package smtp_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/notify"
	"boxoffice/notify/smtp"
)

// What the process is told that is to be killed.
const (
	envDSN    = "BOXOFFICE_TEST_KILLED_DSN"
	envServer = "BOXOFFICE_TEST_KILLED_SERVER"
)

// A process is killed (kill -9) after the mail server has taken its mail and before its row says so. Another one leaves the row
// alone while the lease runs, and sends then: the mail comes twice, with one Message-ID, and is never lost.
func TestKilledBetweenTheServersWordAndOurs(t *testing.T) {
	s, dsn := newServer(t, smtp.Plain), dbtest.DSN(t)
	o := openOffice(t, dsn, s.options(smtp.Plain))
	if err := o.SetContact(t.Context(), notify.Contact{BuyerID: "alice", Email: "alice@example.org"}); err != nil {
		t.Fatal(err)
	}
	if err := o.Settle(t.Context(), event.Settled{Orders: []event.SettledOrder{{OrderID: "o-1", Outcome: event.Paid}}}); err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithTimeout(t.Context(), time.Minute) // whose end kills it
	defer kill()
	killed := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestProcessThatIsKilled$")
	killed.Env = append(os.Environ(), envDSN+"="+dsn, envServer+"="+s.addr)
	dead := make(chan struct{})
	s.set(func() {
		s.after = func() { // before the server's answer leaves
			kill()
			<-dead
		}
	})
	out, err := killed.CombinedOutput()
	close(dead)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("it has sent nothing in a minute: %v\n%s", err, out)
	}
	if killed.ProcessState.ExitCode() != -1 {
		t.Fatalf("it was not killed: %v\n%s", err, out)
	}
	s.set(func() { s.after = nil })
	if n := o.count(notify.StateDue); n != 1 || len(s.mails()) != 1 {
		t.Fatalf("%d are due, and the server has %d mails", n, len(s.mails()))
	}
	o.run("the mail", func() bool { return o.count(notify.StateSent) == 1 }) // once the clock is past the lease
	mails := s.mails()
	if len(mails) != 2 || idOf(mails[0]) != idOf(mails[1]) || idOf(mails[0]) != "o-1-paid-mail@box.example" {
		t.Errorf("mails %+v", mails)
	}
}

// TestProcessThatIsKilled is that process, and no test by itself.
func TestProcessThatIsKilled(t *testing.T) {
	dsn := os.Getenv(envDSN)
	if dsn == "" {
		t.Skip("it is started by the test above")
	}
	o := openOffice(t, dsn, optionsFor(t, os.Getenv(envServer), smtp.Plain, nil))
	o.SendEvery(t.Context(), time.Hour)
}

// idOf is a mail's Message-ID.
func idOf(m received) string {
	_, rest, _ := strings.Cut(m.text, "Message-ID: <")
	id, _, _ := strings.Cut(rest, ">")
	return id
}

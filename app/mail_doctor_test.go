//go:build !race

package app

import (
	"fmt"
	"testing"

	"boxoffice/doctor"
)

// A mail is given up, and the doctor said that all was well. It names the mail; an operator has it sent again in the console, and
// the command does the same.
func TestDoctorHasMailSentAgainThatWasGivenUp(t *testing.T) {
	o, dsn := newMailOffice(t, freeAddress(t))
	screening := o.addScreening(10, 0)
	o.tellsAt("alice", `{"email":"alice@example.org","language":"en"}`)
	order := o.mustBuy("alice", screening, 1)
	o.eventuallyMail(order.ID, "reserved", "mail", "due")
	o.wantHealthy(0)
	id := order.ID + "-reserved-mail"
	giveUp := func() {
		t.Helper()
		o.write(dsn, `UPDATE notifications SET state = 'dead', tries = 15, last_error = '550 no such user' WHERE id = ?`, id)
		o.wantTroubles(0, string(doctor.DeadMail)+" "+id)
	}
	giveUp()
	type finding struct{ Kind, ID, Remedy string }
	findings := asBoss[struct{ Findings []finding }](o, "GET", "/v1/admin/findings", "").Findings
	if len(findings) != 1 || findings[0] != (finding{string(doctor.DeadMail), id, "send it again"}) {
		t.Errorf("findings %+v", findings)
	}
	fix := fmt.Sprintf(`{"kind":"dead_mail","id":%q,"note":"her box was full"}`, id)
	if mended := asBoss[mendedJSON](o, "POST", "/v1/admin/findings/fix", fix); mended.Done != 1 {
		t.Errorf("mended %+v", mended)
	}
	if mail := o.eventuallyMail(order.ID, "reserved", "mail", "due"); mail.Tries > 3 {
		t.Errorf("its tries begin anew: %+v", mail)
	}
	o.wantHealthy(0)
	giveUp()
	if _, err := o.doctor(0, "-fix"); err != nil {
		t.Errorf("fix: %v", err)
	}
	o.eventuallyMail(order.ID, "reserved", "mail", "due")
	o.wantHealthy(0)
}

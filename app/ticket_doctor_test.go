//go:build !race

package app

import (
	"fmt"
	"testing"
	"time"

	"boxoffice/doctor"
)

// The messages that make alice's tickets and void carol's are lost. The doctor names both orders after a minute, and no other;
// an operator mends the first in the console, and the second is mended by the command.
func TestDoctorComparesTicketsWithOrders(t *testing.T) {
	o, dsn := newTicketOffice(t)
	screening := o.addScreening(10, 0)
	lost, kept, returned := o.mustPay("alice", screening, 2), o.mustPay("bob", screening, 1), o.mustPay("carol", screening, 1)
	pending := o.mustBuy("dave", screening, 1)
	o.eventuallyStatus("dave", pending.ID, "pending_payment")
	o.eventually("tickets", func() bool {
		return o.storedTickets(dsn, lost.ID, "valid") == 2 && o.storedTickets(dsn, kept.ID, "valid") == 1 &&
			o.storedTickets(dsn, returned.ID, "valid") == 1
	})
	o.operate("POST", "/v1/admin/orders/"+returned.ID+"/cancel", `{"note":"ill"}`, 200)
	o.eventually("the ticket is void", func() bool { return o.storedTickets(dsn, returned.ID, "void") == 1 })
	o.wantHealthy(2 * time.Minute)

	o.write(dsn, `DELETE FROM tickets WHERE order_id = ?`, lost.ID)
	o.write(dsn, `DELETE FROM ticket_orders WHERE order_id = ?`, lost.ID)
	o.write(dsn, `UPDATE tickets SET state = 'valid' WHERE order_id = ?`, returned.ID)
	o.write(dsn, `UPDATE ticket_orders SET state = 'issued' WHERE order_id = ?`, returned.ID)
	if r, err := o.doctor(0); err != nil || !r.Healthy() {
		t.Errorf("while a message may be on its way: %v, %v", diagnoses(r), err)
	}
	troubles := []string{string(doctor.MissingTickets) + " " + lost.ID, string(doctor.UnpaidTickets) + " " + returned.ID}
	o.wantTroubles(2*time.Minute, troubles...)

	o.clock.offset.Add(int64(2 * time.Minute))
	mended := asBoss[mendedJSON](o, "POST", "/v1/admin/findings/fix", fmt.Sprintf(`{"kind":%q,"note":"no ticket came"}`, doctor.MissingTickets))
	if mended.Done != 1 {
		t.Errorf("mended %+v", mended)
	}
	o.wantActOn(lost.ID, "boss did mend_one to "+lost.ID+": no ticket came")
	o.wantActOn(kept.ID)
	o.eventually("the tickets are made", func() bool { return o.storedTickets(dsn, lost.ID, "valid") == 2 })
	o.wantTroubles(0, troubles[1])
	if _, err := o.doctor(0, "-fix"); err != nil {
		t.Errorf("fix: %v", err)
	}
	o.eventually("the ticket is void again", func() bool { return o.storedTickets(dsn, returned.ID, "void") == 1 })
	o.wantHealthy(2 * time.Minute)
}

// An order database from an older backup does not know a payment, of which there are tickets: that is for a person.
func TestDoctorLeavesTicketsOfAnUnpaidOrderToAPerson(t *testing.T) {
	o, dsn := newTicketOffice(t)
	screening := o.addScreening(10, 0)
	pending := o.mustBuy("alice", screening, 1)
	o.eventuallyStatus("alice", pending.ID, "pending_payment")
	o.write(dsn, `INSERT INTO ticket_orders (order_id, screening_id, state, created_at) VALUES (?, ?, 'issued', 1)`, pending.ID, screening)
	paid := o.mustPay("bob", screening, 1)
	o.eventually("tickets", func() bool { return o.storedTickets(dsn, paid.ID, "valid") == 1 })
	o.write(dsn, `UPDATE ticket_orders SET state = 'void' WHERE order_id = ?`, paid.ID)
	r := o.wantTroubles(0, string(doctor.UnpaidTickets)+" "+pending.ID, string(doctor.MissingTickets)+" "+paid.ID)
	for _, trouble := range r.Troubles {
		if trouble.Remedy != "" {
			t.Errorf("%+v has a remedy", trouble)
		}
	}
}

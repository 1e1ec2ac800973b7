//go:build !race

package app

import (
	"fmt"
	"io"
	"time"

	"boxoffice/common/db"
	"boxoffice/simulator"
)

// doubleEffects compares the books of the office with the provider's, payment by payment and order by order, and names
// whatever happened twice, or once too often.
func (o *hostileOffice) doubleEffects(books simulator.Books) (found []string) {
	o.t.Helper()
	double := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if books.Counts.TooMuch > 0 {
		double("%d refunds were sent of more than what was left of their payments", books.Counts.TooMuch)
	}
	back := map[string]int64{}
	for key, refund := range books.Refunds {
		back[refund.PaymentID] += refund.Amount * int64(refund.Moved)
		if refund.Moved > 1 {
			double("refund %s moved money %d times", key, refund.Moved)
		}
	}
	kept := o.keptOfPayments()
	for _, attempt := range books.Attempts {
		for _, p := range attempt.Payments {
			if left, known := kept[p.PaymentID]; !known || left != p.Amount-back[p.PaymentID] {
				double("of payment %s, %d, the provider sent %d back, and the office kept %d", p.PaymentID, p.Amount, back[p.PaymentID], left)
			}
		}
	}
	var twice int
	o.read(o.orderDSN, &twice, `SELECT COUNT(*) FROM (SELECT order_id FROM payments WHERE result = 'applied'
		GROUP BY order_id HAVING COUNT(*) > 1) AS twice`)
	if twice > 0 {
		double("%d orders are paid by more than one payment", twice)
	}
	return append(found, o.soldAndNotPaid()...)
}

// keptOfPayments is how much the office says that it keeps of each payment.
func (o *hostileOffice) keptOfPayments() map[string]int64 {
	kept := map[string]int64{}
	for _, row := range readAll[struct {
		ID   string
		Kept int64
	}](o.officeTest, o.orderDSN, `SELECT id, CASE WHEN result = 'applied' THEN amount - refunded ELSE 0 END AS kept FROM payments`) {
		kept[row.ID] = row.Kept
	}
	return kept
}

// soldAndNotPaid waits until the orders whose tickets are sold are those that are paid, and names the others.
func (o *hostileOffice) soldAndNotPaid() (found []string) {
	o.t.Helper()
	for deadline := time.Now().Add(testDeadline); ; time.Sleep(100 * time.Millisecond) {
		found = nil
		paid := map[string]bool{}
		for _, id := range readAll[string](o.officeTest, o.orderDSN, `SELECT id FROM orders WHERE state = 'PAID'`) {
			paid[id] = true
		}
		for _, id := range readAll[string](o.officeTest, o.stockDSN, `SELECT order_id FROM reservations WHERE state = 'sold'`) {
			if !paid[id] {
				found = append(found, "the tickets of order "+id+" are sold and not paid for, or sold twice")
			}
			delete(paid, id)
		}
		for id := range paid {
			found = append(found, "order "+id+" is paid without tickets")
		}
		if len(found) == 0 || time.Now().After(deadline) {
			return found
		}
	}
}

// readAll gets rows from a database behind the services' back.
func readAll[T any](o *officeTest, dsn, query string) (rows []T) {
	o.t.Helper()
	d, err := db.Open(o.t.Context(), dsn)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Reader().SelectContext(o.t.Context(), &rows, query); err != nil {
		o.t.Fatal(err)
	}
	return rows
}

// met says how often the run has met what it is there for, and fails if a long one did not: in a short one late money is rare.
func (o *hostileOffice) met(deliveries int64) string {
	o.t.Helper()
	var met struct{ Parts, Revived, Extended, Returned int }
	o.read(o.orderDSN, &met, `SELECT (SELECT COUNT(*) FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.amount < p.amount) AS parts,
		(SELECT COUNT(*) FROM orders WHERE state = 'PAID' AND late_payment = 'revived') AS revived,
		(SELECT COUNT(*) FROM orders WHERE extended = 1) AS extended,
		(SELECT COUNT(*) FROM orders WHERE cancel_reason = 'office') AS returned`)
	if deliveries >= 10*hostileDeliveries && (met.Parts == 0 || met.Revived == 0 || met.Extended == 0 || met.Returned == 0) {
		o.t.Errorf("the run met %+v, want each of them", met)
	}
	return fmt.Sprintf("%+v", met)
}

// eventuallySettled waits for the tickets to follow the money: as many are sold as are paid for.
func (o *hostileOffice) eventuallySettled(ledger ledgerJSON) {
	o.t.Helper()
	paid := int64(0)
	for _, l := range ledger.Currencies {
		paid += l.PaidOrders
	}
	o.eventually("tickets follow the money", func() bool {
		var sold, reserved int64
		o.read(o.stockDSN, &sold, `SELECT SUM(sold) FROM stock`)
		o.read(o.stockDSN, &reserved, `SELECT SUM(reserved) FROM stock`)
		return sold*4900 == paid && reserved == 0
	})
}

func (o *hostileOffice) wantDoctorCalm() {
	o.t.Helper()
	if err := runDoctor(o.t.Context(), o.callAhead(2*time.Minute, io.Discard)); err != nil {
		o.t.Errorf("doctor: %v", err)
	}
}

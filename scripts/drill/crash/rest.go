package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"time"

	"boxoffice/common/failpoint"
	"boxoffice/doctor"
	"boxoffice/scripts/wait"
	"boxoffice/simulator"
)

const (
	restLimit = 5 * time.Minute
	restPause = 500 * time.Millisecond
)

// rest waits until nothing is under way, and compares everything with what anybody was told. It returns what is broken.
func (d *drill) rest(ctx context.Context) (broken []string, took time.Duration, err error) {
	began := time.Now()
	d.traffic.halt()
	for {
		left, err := d.books.open(ctx)
		if err != nil {
			return nil, 0, err
		}
		if d.options.Hurry {
			if err := d.books.hurry(ctx); err != nil {
				return nil, 0, err
			}
		}
		waiting := d.site.provider.Totals().Waiting
		if waiting > 0 {
			left["deliveries of the payment provider"] = waiting
		}
		if len(left) == 0 {
			if broken, err = d.compare(ctx); err != nil || len(broken) == 0 {
				return broken, time.Since(began), err
			}
		}
		if time.Since(began) > restLimit {
			if len(left) > 0 {
				broken = append(broken, fmt.Sprintf("not at rest after %v: %v", restLimit, left))
			}
			return broken, time.Since(began), nil
		}
		if !wait.For(ctx, restPause) {
			return nil, 0, ctx.Err()
		}
	}
}

// compare holds what anybody was told, and the books of the payment provider, against the databases of an office at rest.
func (d *drill) compare(ctx context.Context) (broken []string, err error) {
	orders, err := d.books.orders(ctx)
	if err != nil {
		return nil, err
	}
	d.traffic.mu.Lock()
	broken = append(broken, d.promises(orders)...)
	d.traffic.mu.Unlock()
	for _, check := range []func(context.Context, map[string]standing) ([]string, error){
		d.reservations, d.money, d.tickets, d.messages, d.examination,
	} {
		found, err := check(ctx, orders)
		if err != nil {
			return nil, err
		}
		broken = append(broken, found...)
	}
	return broken, nil
}

// promises holds what buyers and the office were told.
func (d *drill) promises(orders map[string]standing) (broken []string) {
	t := d.traffic
	for _, id := range sorted(t.bought) {
		if orders[id].State != "PAID" && orders[id].State != "CANCELLED" {
			broken = append(broken, fmt.Sprintf("acknowledged order %s ends as %q", id, orders[id].State))
		}
	}
	for _, id := range sorted(t.cancelled) {
		if orders[id].State != "CANCELLED" {
			broken = append(broken, "order "+id+" was cancelled by its buyer, and is "+orders[id].State)
		}
	}
	for _, id := range sorted(t.returned) {
		if orders[id].Reason != "office" {
			broken = append(broken, "order "+id+" was cancelled by the office, and is "+orders[id].State+" "+orders[id].Reason)
		}
	}
	for _, id := range sorted(t.paid) {
		if orders[id].State != "PAID" && orders[id].Reason != "office" {
			broken = append(broken, "order "+id+" was shown as paid, and is "+orders[id].State+" "+orders[id].Reason)
		}
	}
	return broken
}

// reservations are what the orders say, each.
func (d *drill) reservations(ctx context.Context, orders map[string]standing) (broken []string, err error) {
	if broken, err = d.books.atOnce(ctx, nil); err != nil {
		return nil, err
	}
	all, err := rows[standing](ctx, d.books, stockBase, `SELECT order_id AS id, state, '' AS reason, quantity FROM reservations`)
	if err != nil {
		return nil, err
	}
	if len(all) != len(orders) {
		broken = append(broken, fmt.Sprintf("%d reservations for %d orders", len(all), len(orders)))
	}
	want := map[string]string{"PAID": "sold", "CANCELLED": "released"}
	for _, r := range all {
		if o := orders[r.ID]; want[o.State] != r.State || o.Quantity != r.Quantity {
			broken = append(broken, fmt.Sprintf("order %+v has the reservation %+v", o, r))
		}
	}
	above, err := rows[string](ctx, d.books, stockBase, `SELECT r.buyer_id FROM reservations r JOIN screenings s ON s.id = r.screening_id
		WHERE s.per_user_limit > 0 AND r.state <> 'released' GROUP BY r.screening_id, r.buyer_id, s.per_user_limit
		HAVING SUM(r.quantity) > s.per_user_limit`)
	for _, buyer := range above {
		broken = append(broken, "buyer "+buyer+" has more than the limit")
	}
	return broken, err
}

// money is where the payment provider says: of each payment the office keeps what did not go back, and only of paid orders.
func (d *drill) money(ctx context.Context, orders map[string]standing) (broken []string, err error) {
	payments, err := rows[struct {
		ID, OrderID string
		Kept        int64
	}](ctx, d.books, orderBase, `SELECT id, order_id AS orderid,
		CASE WHEN result = 'applied' THEN amount - refunded ELSE 0 END AS kept FROM payments`)
	if err != nil {
		return nil, err
	}
	kept, payers := map[string]int64{}, map[string]int{}
	for _, p := range payments {
		kept[p.ID] = p.Kept
		if p.Kept > 0 {
			payers[p.OrderID]++
			if orders[p.OrderID].State != "PAID" {
				broken = append(broken, fmt.Sprintf("%d of payment %s are kept for order %+v", p.Kept, p.ID, orders[p.OrderID]))
			}
		}
	}
	for order, n := range payers {
		if n > 1 {
			broken = append(broken, fmt.Sprintf("order %s is paid by %d payments", order, n))
		}
	}
	broken = append(broken, againstProvider(d.site.provider.Books(), kept)...)
	unknown, err := d.missingParts(ctx)
	return append(broken, unknown...), err
}

// againstProvider compares what the office keeps with what its provider took and sent back.
func againstProvider(books simulator.Books, kept map[string]int64) (broken []string) {
	back := map[string]int64{}
	for key, refund := range books.Refunds {
		back[refund.PaymentID] += refund.Amount * int64(refund.Moved)
		if refund.Moved > 1 {
			broken = append(broken, fmt.Sprintf("refund %s moved money %d times", key, refund.Moved))
		}
	}
	for _, attempt := range books.Attempts {
		for _, p := range attempt.Payments {
			if left, known := kept[p.PaymentID]; !known || left != p.Amount-back[p.PaymentID] {
				broken = append(broken, fmt.Sprintf("of payment %s of order %s, %d, the provider sent %d back, and the office keeps %d (known: %v)",
					p.PaymentID, p.OrderID, p.Amount, back[p.PaymentID], left, known))
			}
		}
	}
	if books.Counts.TooMuch > 0 || books.Counts.ForgedAccepted > 0 {
		broken = append(broken, fmt.Sprintf("the provider counts %+v", books.Counts))
	}
	return broken
}

// missingParts are the refunds that the office was told of and that are not there.
func (d *drill) missingParts(ctx context.Context) (broken []string, err error) {
	ids, err := rows[string](ctx, d.books, orderBase, `SELECT id FROM refunds`)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, id := range ids {
		known[id] = true
	}
	d.traffic.mu.Lock()
	defer d.traffic.mu.Unlock()
	for _, id := range sorted(d.traffic.refunds) {
		if !known[id] {
			broken = append(broken, "refund "+id+", of which the office was told, is gone")
		}
	}
	return broken, nil
}

// tickets are valid for each seat of a paid order, and for nothing else.
func (d *drill) tickets(ctx context.Context, orders map[string]standing) (broken []string, err error) {
	valid, err := rows[struct {
		ID string
		N  int64
	}](ctx, d.books, ticketsBase, `SELECT order_id AS id, COUNT(*) AS n FROM tickets WHERE state = 'valid' GROUP BY order_id`)
	if err != nil {
		return nil, err
	}
	made := map[string]int64{}
	for _, v := range valid {
		made[v.ID] = v.N
	}
	for id, o := range orders {
		want := int64(0)
		if o.State == "PAID" {
			want = o.Quantity
		}
		if made[id] != want {
			broken = append(broken, fmt.Sprintf("order %+v has %d valid tickets", o, made[id]))
		}
	}
	return broken, nil
}

// messages that are noted as sent have reached the gateway.
func (d *drill) messages(ctx context.Context, _ map[string]standing) (broken []string, err error) {
	sent, err := rows[string](ctx, d.books, notifyBase, `SELECT id FROM notifications WHERE state = 'sent'`)
	for _, id := range sent {
		if d.site.gateway.received(id) == 0 {
			broken = append(broken, "message "+id+" is noted as sent, and nobody got it")
		}
	}
	dead, errDead := rows[string](ctx, d.books, notifyBase, `SELECT id FROM notifications WHERE state = 'dead'`)
	for _, id := range dead {
		broken = append(broken, "message "+id+" was given up")
	}
	if err == nil {
		err = errDead
	}
	return broken, err
}

// examination asks the office's ledger and its doctor.
func (d *drill) examination(ctx context.Context, _ map[string]standing) (broken []string, err error) {
	a := d.traffic.send(ctx, "GET", "/v1/admin/ledger", d.traffic.admin, "")
	var ledger struct{ Balanced bool }
	if a.err != nil || a.status != http.StatusOK || json.Unmarshal(a.body, &ledger) != nil || !ledger.Balanced {
		broken = append(broken, fmt.Sprintf("the ledger: %d %s %v", a.status, a.body, a.err))
	}
	command := exec.CommandContext(ctx, d.site.office.binary, "doctor", "-json")
	command.Env = append(slices.Clone(d.site.office.env), failpoint.DirVariable+"=") // its statements are none of the office's
	out, errDoctor := command.Output()                                               // it fails when something needs attention
	var report struct{ Troubles []trouble }
	if err := json.Unmarshal(out, &report); err != nil {
		return append(broken, fmt.Sprintf("the doctor: %v, %v: %.500s", errDoctor, err, out)), nil
	}
	for _, found := range report.Troubles {
		if found.Kind == string(doctor.ExhaustedHalf) {
			d.verdict.exhausted[found.ID] = true // what it reserved was compared as everything else
			continue
		}
		broken = append(broken, fmt.Sprintf("the doctor, without -fix: %+v", found))
	}
	return broken, nil
}

// trouble is what the doctor finds.
type trouble struct{ Kind, ID, Detail string }

//go:build !race

package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/app/settings"
	"boxoffice/broker"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/doctor"
)

// doctor examines this office as it will be after some time, with everything that is in flight now overdue.
func (o *officeTest) doctor(ahead time.Duration, args ...string) (doctor.Report, error) {
	o.t.Helper()
	var out bytes.Buffer
	err := runDoctor(o.t.Context(), o.callAhead(ahead, &out, append(args, "-json")...))
	var r doctor.Report
	if decodeErr := json.Unmarshal(out.Bytes(), &r); decodeErr != nil {
		o.t.Fatalf("doctor: %v, %v\n%s", err, decodeErr, out.Bytes())
	}
	return r, err
}

// diagnoses are the kinds of trouble found, with the ids of what has them.
func diagnoses(r doctor.Report) []string {
	var found []string
	for _, t := range r.Troubles {
		found = append(found, string(t.Kind)+" "+t.ID)
	}
	slices.Sort(found)
	return found
}

func (o *officeTest) wantHealthy(ahead time.Duration, args ...string) {
	o.t.Helper()
	var r doctor.Report
	var err error
	defer func() {
		if o.t.Failed() {
			o.t.Logf("doctor: %+v, %v", r.Troubles, err)
		}
	}()
	o.eventually("doctor finds nothing", func() bool {
		r, err = o.doctor(ahead, args...)
		return err == nil && r.Healthy()
	})
}

func (o *officeTest) wantTroubles(ahead time.Duration, want ...string) doctor.Report {
	o.t.Helper()
	r, err := o.doctor(ahead)
	slices.Sort(want)
	if got := diagnoses(r); !slices.Equal(got, want) {
		o.t.Fatalf("doctor found %q, want %q: %+v", got, want, r.Troubles)
	}
	if err == nil {
		o.t.Error("the doctor found trouble and did not fail")
	}
	return r
}

// brokenOrderService consumes stock-reserved and refuses every message for good. Its messages are counted, see withoutChecks.
type brokenOrderService struct {
	office   *officeTest
	consumer *mq.Consumer
	refused  atomic.Int64
}

func (o *officeTest) openBrokenOrderService() *brokenOrderService {
	o.t.Helper()
	o.withoutChecks(o.t)
	bus, err := mq.Open(o.t.Context(), mq.Config{
		NameServers: []string{o.queue.Addr()}, Process: "test", Prefix: o.prefix, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { _ = bus.Close() })
	b := &brokenOrderService{office: o}
	b.consumer, err = bus.Consume(o.t.Context(), mq.ConsumeOptions{Group: event.GroupCreate, Concurrency: 1, Timeout: time.Minute},
		mq.Handle(event.StockReserved, func(context.Context, event.Reserved) error {
			b.refused.Add(1)
			return mq.Permanent(errors.New("broken"))
		}))
	if err != nil {
		o.t.Fatal(err)
	}
	return b
}

// closeAfter closes the service when so many messages are dead letters and none waits.
func (b *brokenOrderService) closeAfter(messages int64) {
	b.office.t.Helper()
	b.office.eventually("dead letters, and the messages confirmed", func() bool {
		r, _ := b.office.doctor(0)
		return b.refused.Load() == messages && r.Counts[doctor.DeadLetter] == int(messages) && nothingWaits(r)
	})
	if err := b.consumer.Close(b.office.t.Context()); err != nil {
		b.office.t.Fatal(err)
	}
}

// nothingWaits tells whether the doctor has seen the queue, and no message in it that waits for a consumer.
func nothingWaits(r doctor.Report) bool {
	return r.Queue != nil && !slices.ContainsFunc(r.Queue.Lags, func(l doctor.Lag) bool { return l.Messages > 0 })
}

// The order service dead-letters what it cannot handle and is mended later: the purchase, and the payment that came
// meanwhile, wait for somebody to look. The sweeper would look too, but in this office not for ten hours.
func TestDoctorHealsWhatABrokenOrderServiceLeft(t *testing.T) {
	o := newOffice(t, "-roles", "api,stock", "-sweep-grace", "10h")
	broken := o.openBrokenOrderService()
	screening := o.addScreening(10, 0)
	o.wantHealthy(0)
	paid, unpaid := o.mustBuy("alice", screening, 2), o.mustBuy("bob", screening, 1)
	if result := o.callback("early", paid.ID, 2); result != "parked" {
		t.Fatalf("payment: %s, want parked", result)
	}
	broken.closeAfter(2)
	r, err := o.doctor(2 * time.Minute)
	if err == nil || r.Counts[doctor.MissingOrder] != 2 || r.Counts[doctor.ParkedPayment] != 1 || r.Counts[doctor.DeadLetter] != 2 || r.Total() != 5 {
		t.Errorf("doctor found %q, %v, want two missing orders, a parked payment and two dead letters", diagnoses(r), err)
	}
	newOfficeAt(t, o.home, "-roles", "order")
	if got := o.order("alice", paid.ID); got.Status != "reserved" {
		t.Errorf("order is %s before the doctor did anything, want reserved", got.Status)
	}
	if r, err := o.doctor(2*time.Minute, "-fix"); err != nil || len(r.Fixed) != 6 {
		t.Errorf("fix: %v, %q", err, r.Fixed)
	}
	o.eventuallyStatus("alice", paid.ID, "paid")
	o.eventuallyStatus("bob", unpaid.ID, "pending_payment")
	o.eventuallyCounters(screening, 7, 1, 2)
	o.wantHealthy(2 * time.Minute)
}

// A dead letter of an order that is archived was sent again: there was an order once more, which could be paid, for tickets
// that are another one's or of a sale that is over.
func TestDoctorMakesNoOrderOfAnArchivedOne(t *testing.T) {
	o := newOffice(t, "-roles", "api,stock", "-sweep-grace", "10h")
	broken := o.openBrokenOrderService()
	screening := o.addScreening(10, 0)
	old, next := o.mustBuy("alice", screening, 2), o.mustBuy("bob", screening, 1)
	broken.closeAfter(2)
	o.write(o.stockDSN, `DELETE FROM reservations WHERE order_id = ?`, old.ID) // as the archive does
	o.write(o.stockDSN, `UPDATE stock SET available = available + 2, reserved = reserved - 2, sales = sales - 1 WHERE screening_id = ?`, screening)
	newOfficeAt(t, o.home, "-roles", "order")
	if _, err := o.doctor(2*time.Minute, "-fix"); err != nil {
		t.Errorf("fix: %v", err)
	}
	o.eventuallyStatus("bob", next.ID, "pending_payment")
	o.eventually("the queue is empty", func() bool {
		r, _ := o.doctor(0)
		return nothingWaits(r)
	})
	if r := o.must("GET", "/v1/orders/"+old.ID, bearer(t, "alice", "buyer"), ""); r.status != http.StatusNotFound {
		t.Errorf("the archived order is %d %s, want 404", r.status, r.body)
	}
}

func TestDoctorHealsALostSettle(t *testing.T) {
	o := newOffice(t, "-sweep-grace", "10h")
	screening := o.addScreening(10, 0)
	paid, cancelled := o.mustBuy("alice", screening, 2), o.mustBuy("bob", screening, 1)
	o.eventuallyStatus("alice", paid.ID, "pending_payment")
	heal := o.queue.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
		if r.Topic() == o.topic("order-settled") {
			return broker.Fail(broker.MessageIllegal, "message refused by the test")
		}
		return broker.Pass
	})
	if result := o.callback("pay", paid.ID, 2); result != "applied" {
		t.Fatalf("payment: %s, want applied", result)
	}
	o.must("POST", "/v1/orders/"+cancelled.ID+"/cancel", bearer(t, "bob", "buyer"), "")
	o.eventuallyMetrics(map[string]float64{"boxoffice_settles_unpublished_total": 2})
	heal()
	o.wantHealthy(0) // a settle may take its time
	o.wantTroubles(2*time.Minute, "order_not_settled "+paid.ID, "order_not_settled "+cancelled.ID)
	if _, err := o.doctor(2*time.Minute, "-fix"); err != nil {
		t.Errorf("fix: %v", err)
	}
	o.eventuallyCounters(screening, 8, 0, 2)
	o.wantHealthy(2 * time.Minute)
}

// The office's clock passes the deadline and the broker's does not: as if the delay message were lost.
func TestDoctorHealsAStaleReservation(t *testing.T) {
	o := newOffice(t, "-sweep-grace", "10h")
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 3)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.clock.offset.Add(int64(20 * time.Minute))
	o.env["BOXOFFICE_SWEEP_GRACE"] = "1s" // the doctor's idea of stale
	o.wantTroubles(0, "stale_reservation "+order.ID)
	if _, err := o.doctor(0, "-fix"); err != nil {
		t.Errorf("fix: %v", err)
	}
	o.eventuallyStatus("alice", order.ID, "cancelled")
	o.eventuallyCounters(screening, 10, 0, 0)
	o.wantHealthy(0)
}

// The commit and every answer to a check-back are lost until the broker gives up: the half message is out of the way, and
// its tickets are reserved for nobody.
func TestDoctorHealsAnExhaustedHalf(t *testing.T) {
	if onStack(t) {
		t.Skip("a real broker is set to give up only after hours")
	}
	o := newOfficeAt(t, newHome(t, broker.WithTransactionCheckMax(1)), "-sweep-grace", "10h")
	screening := o.addScreening(10, 0)
	heal := o.queue.Intercept(broker.EndTransaction, func(*broker.Request) broker.Verdict { return broker.Drop })
	order := o.mustBuy("alice", screening, 2)
	o.eventually("half given up", func() bool {
		r, _ := o.doctor(0)
		return r.Counts[doctor.ExhaustedHalf] == 1
	})
	heal()
	if r, err := o.doctor(0); err == nil || !strings.Contains(fmt.Sprint(r.Troubles), order.ID) {
		t.Errorf("the doctor names no order: %+v", r.Troubles)
	}
	if _, err := o.doctor(0, "-fix"); err != nil {
		t.Errorf("fix: %v", err)
	}
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.wantHealthy(2 * time.Minute)
	o.eventuallyMetrics(map[string]float64{`boxoffice_facts_up{source="queue"}`: 1})
}

// write changes rows behind the services' back.
func (o *officeTest) write(dsn, statement string, args ...any) {
	o.t.Helper()
	d, err := db.Open(o.t.Context(), dsn)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	err = d.InTx(o.t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(statement, args...)
		return err
	})
	if err != nil {
		o.t.Fatalf("%s: %v", statement, err)
	}
}

// One run treated the thousand troubles that it listed, and said nothing of the others.
func TestDoctorTreatsMoreThanItLists(t *testing.T) {
	if onStack(t) {
		t.Skip("makes rows with a function of SQLite")
	}
	const lost = 1200
	o := newOffice(t, "-sweep-grace", "10h")
	screening := o.addScreening(2*lost, 0)
	now := o.clock.Now()
	o.write(o.stockDSN, `INSERT INTO reservations (order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state,
		created_at, expires_at, sweep_at)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		SELECT printf('lost-%05d', i), printf('request-%05d', i), ?, 'alice', 1, 4900, 'CNY', 'reserved', ?, ?, ? FROM n`,
		lost, screening, now.Add(-10*time.Minute).UnixMilli(), now.Add(time.Hour).UnixMilli(), now.Add(time.Hour).UnixMilli())
	o.write(o.stockDSN, `UPDATE stock SET available = available - ?, reserved = reserved + ?, sales = sales + ? WHERE screening_id = ?`,
		lost, lost, lost, screening)
	if r, err := o.doctor(0); err == nil || r.Counts[doctor.MissingOrder] != lost || len(r.Troubles) != 1000 {
		t.Fatalf("doctor: %v, %v, %d listed", err, r.Counts, len(r.Troubles))
	}
	if r, err := o.doctor(0, "-fix"); err != nil || len(r.Fixed) != lost {
		t.Errorf("fix: %v, %d treated, want %d", err, len(r.Fixed), lost)
	}
	o.eventually("every lost order is there", func() bool {
		var n int
		o.read(o.orderDSN, &n, `SELECT COUNT(*) FROM orders WHERE screening_id = ?`, screening)
		return n == lost
	})
	o.wantHealthy(0)
}

// What cannot be is named, left alone and still reported after a fix: a person has to decide.
func TestDoctorNamesWhatOnlyAPersonCanDecide(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	sold, changed := o.mustBuy("alice", screening, 2), o.mustBuy("bob", screening, 1)
	o.eventuallyStatus("alice", sold.ID, "pending_payment")
	o.eventuallyStatus("bob", changed.ID, "pending_payment")
	if result := o.callback("unknown", "nobody", 1); result != "parked" {
		t.Fatalf("payment: %s, want parked", result)
	}
	if result := o.callback("short", sold.ID, 1); result != "mismatch" {
		t.Fatalf("payment: %s, want mismatch", result)
	}
	const extra = "an-order-of-nothing"
	o.write(o.stockDSN, `UPDATE stock SET sold = sold + 1, available = available - 1 WHERE screening_id = ?`, screening)
	o.write(o.stockDSN, `UPDATE reservations SET state = 'sold', sweep_at = NULL, settled_at = 1 WHERE order_id = ?`, sold.ID)
	o.write(o.orderDSN, `UPDATE orders SET amount = amount - 1 WHERE id = ?`, changed.ID)
	o.write(o.orderDSN, `INSERT INTO orders (id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at)
		VALUES (?, ?, 'eve', 1, 1, 'CNY', 'PENDING_PAYMENT', 1, 1)`, extra, screening)
	r := o.wantTroubles(2*time.Minute, "unbalanced_stock "+screening, "contradiction "+sold.ID, "contradiction "+changed.ID,
		"order_without_reservation "+extra, "parked_payment unknown", "ledger_and_stock CNY")
	if len(r.Notes) != 1 || r.Notes[0].PaymentID != "short" || r.Notes[0].Kind != "refund_due" {
		t.Errorf("notes %+v, want the payment of a wrong amount", r.Notes)
	}
	if r, err := o.doctor(2*time.Minute, "-fix"); err == nil || len(r.Fixed) != 0 {
		t.Errorf("fix of what has no remedy: %v, %q", err, r.Fixed)
	}
	o.write(o.stockDSN, `UPDATE stock SET sold = sold - 1, available = available + 1 WHERE screening_id = ?`, screening)
	o.write(o.stockDSN, `UPDATE reservations SET state = 'reserved', sweep_at = expires_at, settled_at = NULL WHERE order_id = ?`, sold.ID)
	o.write(o.orderDSN, `UPDATE orders SET amount = amount + 1 WHERE id = ?`, changed.ID)
	o.write(o.orderDSN, `DELETE FROM orders WHERE id = ?`, extra)
	o.must("POST", "/v1/admin/payments/parked/unknown/refund", bearer(t, "boss", "admin"), `{"note":"nobody ordered"}`)
	o.wantHealthy(2 * time.Minute)
}

// An office with an embedded broker keeps its log to itself while it runs.
func TestDoctorOfAnEmbeddedOffice(t *testing.T) {
	h := newDatabases(t)
	o := newOfficeAt(t, h, "-sweep-grace", "10h", "-roles", "api,stock")
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 1)
	// It found no queue beside a running office, whose nameserver it did not know, and said that all was well.
	r, err := o.doctor(0)
	if err != nil || r.Queue == nil || len(r.Skipped) > 0 {
		t.Errorf("beside a running office: %v, queue %v, skipped %v, want the office's own broker found", err, r.Queue, r.Skipped)
	}
	if err := os.Remove(nameServerFile(h.dir)); err != nil {
		t.Fatal(err)
	}
	r, err = o.doctor(0)
	if err != nil || r.Queue != nil || len(r.Skipped) == 0 || r.Skipped[0].Part != "queue" || !strings.Contains(r.Skipped[0].Why, "-namesrv") {
		t.Errorf("without its address: %v, skipped %v, want word of -namesrv", err, r.Skipped)
	}
	if _, err := o.doctor(2*time.Minute, "-fix"); err == nil || !strings.Contains(err.Error(), "-namesrv") {
		t.Errorf("fix without a queue: %v", err)
	}
	o.stop()
	r, err = o.doctor(2 * time.Minute)
	if err == nil || r.Queue == nil || !slices.Equal(diagnoses(r), []string{"reservation_without_order " + order.ID}) {
		t.Errorf("stopped office: %v, queue %+v, %q", err, r.Queue, diagnoses(r))
	}
	if r.Queue != nil && !slices.ContainsFunc(r.Queue.Lags, func(l doctor.Lag) bool { return l.Topic == "stock-reserved" && l.Messages == 1 }) {
		t.Errorf("lags %+v, want the message that waits for the order service", r.Queue.Lags)
	}
}

func TestDoctorSaysWhatIsNotThere(t *testing.T) {
	err := runDoctor(t.Context(), settings.Invocation{
		Args: []string{"-data-dir", t.TempDir()}, Getenv: func(string) string { return "" }, Now: time.Now, Stdout: io.Discard,
	})
	if err == nil || !strings.Contains(err.Error(), "no office here") {
		t.Errorf("empty directory: %v", err)
	}
	o := newOffice(t)
	o.env["BOXOFFICE_NAMESRV"] = "127.0.0.1:1"
	r, err := o.doctor(0)
	if err == nil || r.Counts[doctor.QueueAway] != 1 || r.Queue != nil {
		t.Errorf("no nameserver: %v, %q", err, diagnoses(r))
	}
	var out bytes.Buffer
	if err := runDoctor(t.Context(), o.call(&out)); err == nil ||
		!strings.Contains(out.String(), "trouble") || !strings.Contains(out.String(), "queue_away") {
		t.Errorf("as text: %v\n%s", err, out.String())
	}
}

// The office was updated and not started yet: the doctor says so.
func TestDoctorOfAnOlderDatabase(t *testing.T) {
	o := newOffice(t)
	o.stop()
	o.write(o.stockDSN, `DELETE FROM migrations WHERE name LIKE '047%'`)
	if err := runDoctor(t.Context(), o.call(io.Discard)); !errors.Is(err, db.ErrSchemaTooOld) {
		t.Errorf("the doctor says %v, want ErrSchemaTooOld", err)
	}
}

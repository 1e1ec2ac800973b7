package inquiry

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/stock"
)

func (o *office) dossier(id string) Dossier {
	o.t.Helper()
	d, err := o.desk.Dossier(o.t.Context(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	return d
}

// An order is shown from its reservation on, and money also for an order that never was.
func TestDossierFromTheReservationOn(t *testing.T) {
	o := newOffice(t)
	reserved, paid, stranger := o.bought("scr-1", "alice"), o.bought("scr-1", "bob"), o.bought("scr-1", "carol")
	o.add(reserved, Reserved)
	o.add(paid, Paid)
	o.pay(paid, "pay-1", order.DefaultProvider, order.Applied, 100)
	o.pay(stranger, "pay-2", order.DefaultProvider, order.Parked, 0)
	if d := o.dossier(reserved.ID); d.Order != nil || d.Reservation == nil || d.Found().Status != Reserved || d.Found().Order != reserved {
		t.Errorf("reserved: %+v", d)
	}
	d := o.dossier(paid.ID)
	if d.Found().Status != Paid || d.Found().Tickets != stock.Sold || len(d.Payments) != 1 || d.Payments[0].Refunded != 100 ||
		d.Order.RecordedAt.UnixMilli() != paid.CreatedAt+40 || d.Order.SettledAt.UnixMilli() != paid.CreatedAt+1000 {
		t.Errorf("paid: %+v", d)
	}
	if d := o.dossier(stranger.ID); d.Order != nil || d.Reservation != nil || len(d.Payments) != 1 || d.Found().ID != stranger.ID {
		t.Errorf("money alone: %+v", d)
	}
	for _, absent := range []string{"absent", stock.NewID(o.now())} {
		if _, err := o.desk.Dossier(t.Context(), absent); !errors.Is(err, ErrOrderAbsent) {
			t.Errorf("%s: %v, want ErrOrderAbsent", absent, err)
		}
	}
}

// An archived order is read from its file, with what came for it later; when the file is elsewhere, the problem names it.
func TestDossierOfAnArchivedOrder(t *testing.T) {
	o := newOffice(t)
	now := o.now()
	if _, err := o.stock.AddScreening(t.Context(), stock.Screening{
		ID: "scr-1", Movie: "Metropolis", Venue: "Rex", StartsAt: now.Add(time.Hour), Capacity: 10,
		Price: event.Money{Amount: 4900, Currency: "CNY"}, SaleOpensAt: now, SaleClosesAt: now.Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	b := o.bought("scr-1", "alice")
	o.add(b, Paid)
	o.pay(b, "pay-1", order.DefaultProvider, order.Applied, 0)
	dbtest.Exec(o.t, o.stockDB, `UPDATE stock SET sold = 2, available = 8, sales = 1`)
	before := o.dossier(b.ID)
	o.advance(60 * 24 * time.Hour)
	if n, err := o.archiver.Run(t.Context(), 30*24*time.Hour); err != nil || n != 1 {
		t.Fatalf("archived %d, %v", n, err)
	}
	o.pay(b, "pay-2", order.DefaultProvider, order.Parked, 0)
	d := o.dossier(b.ID)
	if d.File == "" || !reflect.DeepEqual(d.Reservation, before.Reservation) || !reflect.DeepEqual(d.Order, before.Order) {
		t.Errorf("archived: %+v, %+v, want %+v, %+v", d.Reservation, d.Order, before.Reservation, before.Order)
	}
	if len(d.Payments) != 2 || !slices.ContainsFunc(d.Payments, func(p order.Received) bool { return reflect.DeepEqual(p, before.Payments[0]) }) {
		t.Errorf("payments %+v, want %+v and one that is parked", d.Payments, before.Payments)
	}
	if err := os.Rename(d.File, d.File+".away"); err != nil {
		t.Fatal(err)
	}
	_, err := o.desk.Dossier(t.Context(), b.ID)
	if archived, ok := errors.AsType[ArchivedError](err); !ok || !slices.Equal(archived.Files, []string{d.File}) {
		t.Errorf("without the file: %v, want ArchivedError that names it", err)
	}
	o.advance(time.Millisecond)
	if _, err := o.desk.Dossier(t.Context(), stock.NewID(o.now())); !errors.Is(err, ErrOrderAbsent) {
		t.Errorf("an order of after the archive: %v, want ErrOrderAbsent", err)
	}
}

// whats are the entries of a timeline in short.
func whats(entries []Entry) []string {
	var all []string
	for _, e := range entries {
		what := e.What + " by " + string(e.Source)
		if e.Planned {
			what += ", planned"
		}
		all = append(all, what)
	}
	return all
}

func (o *office) history(id string) History {
	o.t.Helper()
	h, err := o.desk.History(o.t.Context(), id, o.now())
	if err != nil {
		o.t.Fatal(err)
	}
	return h
}

// The queue is asked for the time between a purchase and its order, and its absence costs nothing but its part.
func TestHistoryWithoutTheQueue(t *testing.T) {
	o := newOffice(t)
	reserved, paid := o.bought("scr-1", "alice"), o.bought("scr-1", "bob")
	o.add(reserved, Reserved)
	o.add(paid, Paid)
	at := time.UnixMilli(paid.CreatedAt).UTC()
	for id, until := range map[string]time.Time{
		reserved.ID: at.Add(messageWait + clockSlack), paid.ID: at.Add(40*time.Millisecond + clockSlack),
	} {
		if h := o.history(id); h.Message != MessageGone || o.asked != [2]time.Time{at.Add(-clockSlack), until} {
			t.Errorf("the message is %s, asked for %v, want until %v", h.Message, o.asked, until)
		}
	}
	o.message = mq.Stored{MessageID: "m1", StoredAt: at}
	if got := whats(o.history(paid.ID).Entries); !slices.Contains(got, "reservation_published_again by message") {
		t.Errorf("of a message without a transaction it tells %q", got)
	}
	o.queueErr = mq.ErrUnavailable
	if h := o.history(paid.ID); h.Message != MessageAway || len(h.Entries) != 4 {
		t.Errorf("the queue is away: %+v", h)
	}
	o.queueErr = errors.New("a defect")
	if _, err := o.desk.History(t.Context(), paid.ID, o.now()); !errors.Is(err, o.queueErr) {
		t.Errorf("%v, want the defect", err)
	}
}

func TestTimelineTellsWhatHappened(t *testing.T) {
	o := newOffice(t)
	pending, paid := o.bought("scr-1", "alice"), o.bought("scr-1", "bob")
	o.add(pending, PendingPayment)
	dbtest.Exec(o.t, o.orderDB, `UPDATE orders SET extended = 1, ask_until = expires_at + 1000 WHERE id = ?`, pending.ID)
	o.advance(50 * time.Millisecond)
	want := []string{
		"tickets_reserved by reservation", "order_recorded by order", "payment_due by order, planned", "sweep by reservation, planned",
	}
	entries := o.history(pending.ID).Entries
	if got := whats(entries); !slices.Equal(got, want) {
		t.Errorf("pending: %q, want %q", got, want)
	}
	if !strings.Contains(entries[2].Detail, "moved once") || !strings.Contains(entries[2].Detail, "is asked") {
		t.Errorf("the deadline says %q", entries[2].Detail)
	}
	o.add(paid, Paid)
	at := paid.CreatedAt
	dbtest.Insert(o.t, o.orderDB, `payment_attempts (id, order_id, provider, amount, currency, state, return_url, reference, expires_at, tries,
		next_at, created_at, changed_at)`,
		"pa-1", paid.ID, "webhook", 9800, "CNY", "paid", "https://shop.example/", "ref-1", at+900_000, 2, at, at+100, at+1001)
	o.pay(paid, "pay-1", order.DefaultProvider, order.Applied, 9800)
	dbtest.Exec(o.t, o.orderDB, `UPDATE payments SET received_at = ?`, at+1000)
	dbtest.Insert(o.t, o.orderDB, `refunds (id, payment_id, order_id, provider, amount, currency, reason,
		state, next_at, detail, created_at, changed_at)`,
		"rf_1", "pay-1", paid.ID, "webhook", 9800, "CNY", "office", "failed", 1, "no answer", at+5000, at+6000)
	dbtest.Insert(o.t, o.orderDB, `operator_acts (id, at, actor, act, subject, note)`,
		"1", at+4999, "me", "refund_part", paid.ID, "a seat is broken", "2", at+5500, "me", "retry_refund", "rf_1", "again")
	dbtest.Insert(o.t, o.orderDB, `reused_payments (payment_id, order_id, amount, currency, webhook_id, received_at)`,
		"pay-9", paid.ID, 9800, "CNY", "callback", at+7000)
	o.advance(time.Hour)
	o.message = mq.Stored{
		MessageID: "m1", TxID: "tx1", Traces: map[string]string{paid.ID: "t1", "another": "t2"}, Checks: 2, Sender: "10.0.0.1, pid 7",
		BornAt: time.UnixMilli(at + 3), StoredAt: time.UnixMilli(at + 5),
	}
	h := o.history(paid.ID)
	if h.Message != MessageFound || h.Entries[1].Process != "10.0.0.1, pid 7" || !strings.Contains(h.Entries[1].Detail, "trace t1") ||
		!strings.Contains(h.Entries[2].Detail, "2 check-backs") {
		t.Errorf("the message is %s: %+v", h.Message, h.Entries[:3])
	}
	want = []string{
		"tickets_reserved by reservation", "half_message_sent by message", "message_committed by message", "order_recorded by order",
		"payment_started by payment_attempt", "money_received by payment",
		"order_paid by order", "payment_paid by payment_attempt", "tickets_sold by reservation", "operator_act by operator_act",
		"refund_due by refund", "operator_act by operator_act", "refund_changed by refund", "payment_id_reused by payment",
	}
	if got := whats(h.Entries); !slices.Equal(got, want) {
		t.Errorf("paid:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

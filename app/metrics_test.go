//go:build !race

package app

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"boxoffice/broker"
)

// metrics reads one page of /metrics: series with their labels, and their values.
func (o *officeTest) metrics() map[string]float64 {
	o.t.Helper()
	answer, err := http.Get(o.admin + "/metrics")
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		o.t.Fatalf("metrics: %d, %v\n%s", answer.StatusCode, err, page)
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(page)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if name != strings.TrimSpace(line) {
			name += "}"
		} else if name, value, _ = strings.Cut(name, " "); strings.HasPrefix(name, "#") {
			continue
		}
		if values[name], err = strconv.ParseFloat(value, 64); err != nil {
			o.t.Fatalf("line %q: %v", line, err)
		}
	}
	return values
}

func (o *officeTest) eventuallyMetrics(want map[string]float64) {
	o.t.Helper()
	var got map[string]float64
	for deadline := time.Now().Add(testDeadline); ; time.Sleep(50 * time.Millisecond) {
		got = o.metrics()
		missing := ""
		for name, value := range want {
			if v, there := got[name]; !there || v != value {
				missing = name
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("%s is %v, want %v", missing, got[missing], want[missing])
		}
	}
}

func TestMetricsTellASale(t *testing.T) {
	o := newOffice(t)
	o.withoutChecks(t)
	screening := o.addScreening(10, 3)
	paid, pending := o.mustBuy("alice", screening, 2), o.mustBuy("bob", screening, 3)
	if r := o.buy("bob", screening, "more", 1); r.code() != "limit_exceeded" {
		t.Errorf("over the limit: %s", r.body)
	}
	o.eventuallyStatus("alice", paid.ID, "pending_payment")
	o.eventuallyStatus("bob", pending.ID, "pending_payment")
	for _, payment := range []struct {
		id, order string
		tickets   int
		want      string
	}{
		{"good", paid.ID, 2, "applied"}, {"twice", paid.ID, 2, "refund_due"},
		{"short", pending.ID, 1, "mismatch"}, {"early", "nobody", 1, "parked"}, {"good", pending.ID, 3, "mismatch"},
	} {
		if got := o.callback(payment.id, payment.order, payment.tickets); got != payment.want {
			t.Errorf("payment %s: %s, want %s", payment.id, got, payment.want)
		}
	}
	o.eventuallyCounters(screening, 5, 3, 2)
	want := map[string]float64{
		`boxoffice_purchases_total{result="accepted"}`:                                  2,
		`boxoffice_purchases_total{result="limit_exceeded"}`:                            1,
		`boxoffice_purchases_waiting`:                                                   0,
		`boxoffice_half_message_orders_sum`:                                             2,
		`boxoffice_tickets{state="available"}`:                                          5,
		`boxoffice_tickets{state="reserved"}`:                                           3,
		`boxoffice_tickets{state="sold"}`:                                               2,
		`boxoffice_reservations_stale`:                                                  0,
		`boxoffice_payments_parked`:                                                     1,
		`boxoffice_payments_mismatched`:                                                 1,
		`boxoffice_payments_reused`:                                                     1,
		`boxoffice_payments_unanswered`:                                                 0,
		`boxoffice_refunds_due`:                                                         2,
		`boxoffice_settles_unpublished_total`:                                           0,
		`boxoffice_deliveries_total{result="retried"}`:                                  0,
		`boxoffice_consumer_lag{group="boxoffice-order-create",topic="stock-reserved"}`: 0,
		`boxoffice_consumer_lag{group="boxoffice-stock-settle",topic="order-settled"}`:  0,
		`boxoffice_topic_messages{topic="order-settled"}`:                               1,
		`boxoffice_dead_letters{group="boxoffice-order-create"}`:                        0,
		`boxoffice_facts_up{source="queue"}`:                                            1,
		`boxoffice_facts_up{source="stock"}`:                                            1,
		`boxoffice_facts_up{source="order"}`:                                            1,
	}
	if !onStack(t) { // where a database is another process the clocks differ by something
		want[`boxoffice_clock_skew_seconds{database="stock"}`] = 0
		want[`boxoffice_clock_skew_seconds{database="order"}`] = 0
	}
	o.eventuallyMetrics(want)
	if got := o.metrics(); got[`boxoffice_deliveries_total{result="handled"}`] < 2 || got[`boxoffice_half_messages_sent_total{result="sent"}`] < 1 {
		t.Errorf("handled %v deliveries of %v halves", got[`boxoffice_deliveries_total{result="handled"}`],
			got[`boxoffice_half_messages_sent_total{result="sent"}`])
	}
	for name := range o.metrics() {
		if regexp.MustCompile(`alice|bob|nobody|` + screening).MatchString(name) {
			t.Errorf("series %s grows with the sale", name)
		}
	}
}

// A screening is cancelled, and no process is there that ends its orders: alerts see it, until one comes.
func TestMetricsTellOfACancellationThatStands(t *testing.T) {
	o := newOffice(t, "-roles", "api,order")
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 2)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.eventuallyMetrics(map[string]float64{`boxoffice_cancellation_tickets_left`: 0, `boxoffice_cancellation_open_seconds`: 0})
	o.operate("POST", "/v1/admin/screenings/"+screening+"/cancel", `{"note":"the projector"}`, 202)
	o.clock.offset.Add(int64(5 * time.Minute))
	o.eventually("it stands", func() bool {
		got := o.metrics()
		return got[`boxoffice_cancellation_tickets_left`] == 2 && got[`boxoffice_cancellation_open_seconds`] >= 300
	})
	newOfficeAt(t, o.home, "-roles", "stock").clock.offset.Store(o.clock.offset.Load())
	o.eventuallyMetrics(map[string]float64{`boxoffice_cancellation_tickets_left`: 0, `boxoffice_cancellation_open_seconds`: 0})
}

// A broker that is away, and worse, one that takes the connection and never answers, must not take the page with it: it is
// then that operators look.
func TestMetricsWithoutABroker(t *testing.T) {
	o := newOffice(t)
	silent := make(chan struct{})
	defer close(silent)
	o.queue.Intercept(broker.GetMaxOffset, func(*broker.Request) broker.Verdict { return broker.Hold(silent) })
	began := time.Now()
	got := o.metrics()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the page took %v", took)
	}
	if got[`boxoffice_facts_up{source="queue"}`] != 0 || got[`boxoffice_facts_up{source="stock"}`] != 1 {
		t.Errorf("up: queue %v, stock %v, want 0 and 1", got[`boxoffice_facts_up{source="queue"}`], got[`boxoffice_facts_up{source="stock"}`])
	}
	if _, there := got[`boxoffice_half_messages_in_doubt`]; there {
		t.Error("the page shows halves that nobody has counted")
	}
	if _, there := got[`boxoffice_messages_sent_total{result="sent"}`]; !there {
		t.Error("the process's own counters are gone")
	}
}

//go:build !race

package app

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/broker"
)

// asBoss calls the API as an operator, and decodes what it answers.
func asBoss[T any](o *officeTest, method, path, body string) T {
	o.t.Helper()
	r := o.must(method, path, bearer(o.t, "boss", "admin"), body)
	if r.status != http.StatusOK {
		o.t.Fatalf("%s %s: %d %s", method, path, r.status, r.body)
	}
	return decode[T](o.t, r)
}

type findingsJSON struct {
	Healthy, Complete bool
	Counts            map[string]int
}

type mendedJSON struct {
	Done     int
	Complete bool
}

type foundJSON struct {
	ID, Status, Tickets string
	BuyerID             string `json:"buyer_id"`
}

type timelineJSON struct {
	Message string
	Entries []struct{ At, What, Detail, Source, Process string }
}

// whats are what a timeline tells, in order.
func (j timelineJSON) whats() (all []string) {
	for _, e := range j.Entries {
		all = append(all, e.What)
	}
	return all
}

// An operator sees by the API what a broken order service has left, has it mended, and can be asked who did it.
func TestOperatorMendsWhatABrokenOrderServiceLeft(t *testing.T) {
	o := newOffice(t, "-roles", "api,stock", "-sweep-grace", "10h")
	broken := o.openBrokenOrderService()
	screening := o.addScreening(10, 0)
	paid, unpaid := o.mustBuy("alice", screening, 2), o.mustBuy("bob", screening, 1)
	if result := o.callback("early", paid.ID, 2); result != "parked" {
		t.Fatalf("payment: %s, want parked", result)
	}
	broken.closeAfter(2)
	o.clock.offset.Add(int64(2 * time.Minute)) // what is in flight is overdue
	found := asBoss[findingsJSON](o, "GET", "/v1/admin/findings", "")
	if want := map[string]int{"reservation_without_order": 2, "parked_payment": 1, "dead_letter": 2}; found.Healthy || !found.Complete ||
		fmt.Sprint(found.Counts) != fmt.Sprint(want) {
		t.Errorf("found %+v, want %v", found, want)
	}
	dead := asBoss[struct {
		Items []struct {
			Kind, Group string
			Count       int
			Letters     []struct {
				Topic    string
				OrderIDs []string `json:"order_ids"`
			}
		}
	}](o, "GET", "/v1/admin/dead-letters?limit=1", "")
	if first := dead.Items[0]; len(dead.Items) != 5 || first.Group != "boxoffice-order-create" || first.Count != 2 || len(first.Letters) != 1 ||
		!slices.Contains([]string{paid.ID, unpaid.ID}, first.Letters[0].OrderIDs[0]) {
		t.Errorf("dead letters %+v", dead)
	}
	groups := asBoss[struct {
		Groups []struct {
			Group       string
			DeadLetters int `json:"dead_letters"`
			Consumers   []string
		}
	}](o, "GET", "/v1/admin/queues", "").Groups
	if len(groups) != 4 || groups[0].DeadLetters != 2 || len(groups[0].Consumers) != 0 || len(groups[2].Consumers) != 1 {
		t.Errorf("queues %+v, want nobody who creates orders and one who settles", groups)
	}
	if got := asBoss[foundPageJSON](o, "GET", "/v1/admin/orders?state=reserved&buyer=alice", "").Items; len(got) != 1 || got[0].ID != paid.ID {
		t.Errorf("found %+v, want alice's order, reserved", got)
	}

	newOfficeAt(t, o.home, "-roles", "order").clock.offset.Store(o.clock.offset.Load())
	mended := asBoss[mendedJSON](o, "POST", "/v1/admin/findings/fix",
		`{"kind":"reservation_without_order","id":"`+paid.ID+`","note":"the order service is mended"}`)
	if mended.Done != 1 || !mended.Complete {
		t.Errorf("mended %+v, want one reservation published", mended)
	}
	o.eventuallyStatus("alice", paid.ID, "paid")
	if got := o.order("bob", unpaid.ID).Status; got != "reserved" {
		t.Errorf("bob's order is %s, and nobody has named it", got)
	}
	if mended := asBoss[mendedJSON](o, "POST", "/v1/admin/dead-letters/resend", `{"note":"all of them"}`); mended.Done != 4 {
		t.Errorf("mended %+v, want two dead letters and their two reservations", mended)
	}
	o.eventuallyStatus("bob", unpaid.ID, "pending_payment")
	o.eventually("nothing is left", func() bool { return asBoss[findingsJSON](o, "GET", "/v1/admin/findings", "").Healthy })
	for body, code := range map[string]string{`{"kind":"dead_letter","note":"x"}`: "not_found", `{"kind":"nonsense","note":"x"}`: "not_found"} {
		if r := o.must("POST", "/v1/admin/findings/fix", bearer(t, "boss", "admin"), body); r.code() != code {
			t.Errorf("%s: %d %s, want %s", body, r.status, r.body, code)
		}
	}
	acts := asBoss[struct {
		Items []struct{ Act, Actor, Subject string }
	}](o, "GET", "/v1/admin/acts", "").Items
	if got := fmt.Sprint(acts); !strings.HasPrefix(got, "[{resend_dead_letters boss dead_letters} {fix_findings boss "+paid.ID+
		"} {screening_create boss ") {
		t.Errorf("acts %s", got)
	}
	o.wantActOn(unpaid.ID, "boss did mend_one to "+unpaid.ID+": all of them")
	o.wantActOn(paid.ID, "boss did fix_findings to "+paid.ID+": the order service is mended", "boss did mend_one to "+paid.ID+": all of them")
	o.wantExplained(paid.ID)
}

// wantActOn wants an order's timeline to tell of these acts. "Mend all" and "Send all again" changed orders, and left no trace on
// them: the audit log named a kind of troubles, or nothing but dead letters.
func (o *officeTest) wantActOn(id string, want ...string) {
	o.t.Helper()
	var got []string
	for _, e := range asBoss[struct {
		Entries []struct{ What, Detail string }
	}](o, "GET", "/v1/admin/orders/"+id+"/timeline", "").Entries {
		if e.What == "operator_act" {
			got = append(got, e.Detail)
		}
	}
	if !slices.Equal(got, want) {
		o.t.Errorf("order %s tells of the acts %q, want %q", id, got, want)
	}
}

type foundPageJSON struct{ Items []foundJSON }

// wantExplained asks how an order came to be paid.
func (o *officeTest) wantExplained(id string) {
	o.t.Helper()
	o.eventually("its tickets are sold", func() bool {
		page := asBoss[foundPageJSON](o, "GET", "/v1/admin/orders?payment=early", "")
		return len(page.Items) == 1 && page.Items[0] == foundJSON{ID: id, Status: "paid", Tickets: "sold", BuyerID: "alice"}
	})
	timeline := asBoss[timelineJSON](o, "GET", "/v1/admin/orders/"+id+"/timeline", "")
	whats := timeline.whats()
	if timeline.Message != "found" || len(whats) < 3 || whats[1] != "half_message_sent" || !strings.Contains(timeline.Entries[1].Process, ", pid ") ||
		!strings.Contains(timeline.Entries[2].Detail, "by the process that sold") {
		o.t.Errorf("the message of the purchase is %s, and told of by %+v", timeline.Message, timeline.Entries)
	}
	for _, what := range []string{
		"tickets_reserved", "money_received", "order_recorded", "order_paid", "tickets_sold", "operator_act",
	} {
		if !slices.Contains(whats, what) {
			o.t.Errorf("the timeline is %q, and lacks %s", whats, what)
		}
	}
	if r := o.must("GET", "/v1/admin/orders.csv", bearer(o.t, "boss", "admin"), ""); !strings.Contains(string(r.body), id+",") ||
		strings.Count(string(r.body), "\r\n") != 3 {
		o.t.Errorf("the export is %d %q", r.status, r.body)
	}
}

// The commit of a half message is lost, and the timeline says that a check-back made up for it.
func TestTimelineTellsOfACheckBack(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	o.queue.Intercept(broker.EndTransaction, func(r *broker.Request) broker.Verdict {
		if r.Ext["fromTransactionCheck"] == "true" || r.Ext["commitOrRollback"] != "8" {
			return broker.Pass
		}
		return broker.Drop
	})
	bought := o.mustBuy("alice", screening, 1)
	o.eventuallyStatus("alice", bought.ID, "pending_payment")
	timeline := asBoss[timelineJSON](o, "GET", "/v1/admin/orders/"+bought.ID+"/timeline", "")
	i := slices.Index(timeline.whats(), "message_committed")
	if i < 0 || !strings.Contains(timeline.Entries[i].Detail, "check-back") {
		t.Errorf("the timeline is %+v", timeline)
	}
}

// Two processes are there, one is killed and gone some seconds later, and one that stops is gone at once.
func TestProcessesThatAreAlive(t *testing.T) {
	slow(t)
	o := newPrograms(t)
	o.sharedParts()
	seller := o.launch("-roles", "api,stock")
	maker := o.launch("-roles", "order")
	o.shop = seller.shop
	type processJSON struct {
		PID        int
		Roles      string
		Version    string
		ClockAhead int `json:"clock_ahead_ms"`
	}
	alive := func() (roles []string) {
		for _, p := range asBoss[struct{ Items []processJSON }](o, "GET", "/v1/admin/processes", "").Items {
			if p.Version == "" || p.ClockAhead < -5000 || p.ClockAhead > 5000 || p.PID == 0 {
				t.Errorf("process %+v", p)
			}
			roles = append(roles, p.Roles)
		}
		slices.Sort(roles)
		return roles
	}
	want := func(limit time.Duration, roles ...string) {
		t.Helper()
		o.within(limit, fmt.Sprintf("%q are alive", roles), func() bool { return slices.Equal(alive(), roles) })
	}
	want(testDeadline, "api,stock", "order")
	maker.kill(t)
	want(15*time.Second, "api,stock")
	third := newOfficeAt(t, home{dir: o.dir, stockDSN: o.stockDSN, orderDSN: o.orderDSN, nameServer: o.env["BOXOFFICE_NAMESRV"], prefix: o.prefix},
		"-roles", "order,stock")
	want(testDeadline, "api,stock", "order,stock")
	third.stop()
	want(time.Second, "api,stock")
}

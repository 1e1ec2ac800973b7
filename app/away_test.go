//go:build !race

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/app/settings"
	"boxoffice/broker"
	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
)

// refusals makes one request after the other and wants each to be refused with 503 in time. It returns the slowest.
func (o *officeTest) refusals(n int, request func(n int) response) time.Duration {
	o.t.Helper()
	var slowest time.Duration
	for i := range n {
		began := time.Now()
		r := request(i)
		took := time.Since(began)
		slowest = max(slowest, took)
		if r.status != http.StatusServiceUnavailable || r.code() != "unavailable" || r.header.Get("Retry-After") == "" || took > answerLimit {
			o.t.Errorf("answer %d after %v: %d %s, want 503 unavailable", i, took, r.status, r.body)
		}
	}
	return slowest
}

// logged waits for a line of the office's log that has all the words.
func (o *officeTest) logged(words ...string) {
	o.t.Helper()
	o.eventually("log line with "+strings.Join(words, ", "), func() bool {
		for line := range strings.Lines(o.stdout.String()) {
			found := true
			for _, word := range words {
				found = found && strings.Contains(line, word)
			}
			if found {
				return true
			}
		}
		return false
	})
}

// The broker takes requests and answers none: a purchase is refused all the same, many at once no later than one.
func TestSilentBroker(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(100, 0)
	paid := o.mustBuy("alice", screening, 1)
	heal := o.queue.Intercept(broker.SendMessage, func(*broker.Request) broker.Verdict { return broker.Drop })
	slowest := o.refusals(3, func(n int) response { return o.buy(fmt.Sprint("bob-", n), screening, "k", 1) })
	var crowd sync.WaitGroup
	began := time.Now()
	for n := range 50 {
		crowd.Go(func() {
			o.refusals(1, func(int) response { return o.buy(fmt.Sprint("crowd-", n), screening, "k", 1) })
		})
	}
	crowd.Wait()
	t.Logf("refused within %v, a crowd within %v", slowest, time.Since(began))
	o.logged("level=WARN", "send half message", "503")
	// Money needs no broker to be taken, nor does a reservation to be seen.
	if result := o.callback("pay", paid.ID, 1); result != "applied" && result != "parked" {
		t.Errorf("payment: %s", result)
	}
	heal()
	again := o.buy("bob-0", screening, "k", 1)
	if again.status != http.StatusAccepted {
		t.Fatalf("the buyer's retry: %d %s", again.status, again.body)
	}
	o.eventuallyStatus("bob-0", decode[orderJSON](t, again).ID, "pending_payment")
	o.eventuallyStatus("alice", paid.ID, "paid")
	o.eventuallyCounters(screening, 98, 1, 1)
}

// Nothing listens where the broker was. Who buys is told at once; what needs no message goes on; and when the broker
// is back, so is everything that was acknowledged.
func TestBrokerAway(t *testing.T) {
	slow(t)
	h, broker := newHomeWithBrokerToKill(t)
	o := newOfficeAt(t, h, "-pay-window", "10s", "-sweep-grace", "1s")
	screening := o.addScreening(100, 0)
	paid, cancelled := o.mustBuy("alice", screening, 1), o.mustBuy("carol", screening, 1)
	o.eventuallyStatus("alice", paid.ID, "pending_payment")
	broker.kill()
	slowest := o.refusals(20, func(n int) response { return o.buy(fmt.Sprint("bob-", n), screening, "k", 1) })
	t.Logf("refused within %v", slowest)
	o.logged("level=WARN", "send half message", "503")
	if result := o.callback("pay", paid.ID, 1); result != "applied" {
		t.Errorf("payment: %s, want applied", result)
	}
	if r := o.must("POST", "/v1/orders/"+cancelled.ID+"/cancel", bearer(t, "carol", "buyer"), ""); r.status != http.StatusOK {
		t.Errorf("cancel: %d %s", r.status, r.body)
	}
	if n := o.available(screening); n != 98 {
		t.Errorf("%d available, want 98", n)
	}
	if r, err := sendTo(o.admin, "GET", "/readyz", "", ""); err != nil || r.status != http.StatusServiceUnavailable ||
		!strings.Contains(string(r.body), "message queue") {
		t.Errorf("readyz: %d %s, %v", r.status, r.body, err)
	}
	broker.start()
	var again response
	o.within(settleLimit, "the buyer's retry", func() bool {
		again = o.buy("bob-0", screening, "k", 1)
		return again.status == http.StatusAccepted
	})
	id := decode[orderJSON](t, again).ID
	o.within(settleLimit, "everything settled", func() bool { _, reserved, _ := o.counters(screening); return reserved == 0 })
	o.eventuallyCounters(screening, 99, 0, 1)
	for buyer, order := range map[string]string{"alice": paid.ID, "carol": cancelled.ID, "bob-0": id} {
		want := "cancelled"
		if buyer == "alice" {
			want = "paid"
		}
		if status := o.order(buyer, order).Status; status != want {
			t.Errorf("the order of %s is %s, want %s", buyer, status, want)
		}
	}
}

// newHomeWithBrokerToKill is a home on the broker itself, with no proxy between: what is gone is refused by the system.
func newHomeWithBrokerToKill(t *testing.T) (home, part) {
	t.Helper()
	h := newDatabases(t)
	if onStack(t) {
		h.prefix = newPrefix()
		h.nameServer = stackNameServer()
		return h, stackPart(t, "broker")
	}
	h.nameServer = freeAddress(t)
	options := []broker.Option{broker.WithListen(h.nameServer), broker.WithDataDir(filepath.Join(h.dir, "broker"))}
	running := broker.RunT(t, options...)
	return h, part{"broker",
		func() {
			if err := running.Close(); err != nil {
				t.Fatal(err)
			}
		},
		func() { running = broker.RunT(t, options...) }}
}

// Nothing listens where the database was.
func TestDatabaseAway(t *testing.T) {
	if !onStack(t) {
		t.Skip("needs a database server that can be killed: SQLite is a file")
	}
	database := stackPart(t, "db")
	o := newOffice(t, "-pay-window", "15m", "-sweep-grace", "1s")
	screening := o.addScreening(100, 0)
	order := o.mustBuy("alice", screening, 1)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	database.kill()
	body := paymentBody("pay", order.ID, 4900, "CNY")
	for what, request := range map[string]func(n int) response{
		"purchase":   func(n int) response { return o.buy(fmt.Sprint("bob-", n), screening, "k", 1) },
		"order":      func(int) response { return o.must("GET", "/v1/orders/"+order.ID, bearer(t, "alice", "buyer"), "") },
		"orders":     func(int) response { return o.must("GET", "/v1/orders", bearer(t, "alice", "buyer"), "") },
		"screenings": func(int) response { return o.must("GET", "/v1/screenings", "", "") },
		"callback":   func(int) response { return o.deliver(body, o.clock.Now()) },
		"cancel": func(int) response {
			return o.must("POST", "/v1/orders/"+order.ID+"/cancel", bearer(t, "alice", "buyer"), "")
		},
	} {
		t.Logf("%s refused within %v", what, o.refusals(10, request))
	}
	o.logged("level=WARN", "connection refused", "503")
	if r, err := sendTo(o.admin, "GET", "/readyz", "", ""); err != nil || r.status != http.StatusServiceUnavailable ||
		!strings.Contains(string(r.body), "stock database") {
		t.Errorf("readyz: %d %s, %v", r.status, r.body, err)
	}
	database.start()
	o.eventually("the provider's retry", func() bool {
		result := o.callback("pay", order.ID, 1)
		return result == "applied" || result == "duplicate"
	})
	if r := o.buy("bob-0", screening, "k", 1); r.status != http.StatusAccepted {
		t.Errorf("the buyer's retry: %d %s", r.status, r.body)
	}
	o.eventuallyCounters(screening, 98, 1, 1)
	if status := o.order("alice", order.ID).Status; status != "paid" {
		t.Errorf("the order is %s, want paid", status)
	}
}

// What is configured and not there ends the start with one sentence that names the setting.
func TestStartWithoutItsNeighboursSaysWhatToSet(t *testing.T) {
	nobody := freeAddress(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	older := dbtest.DSN(t)
	newer, err := db.Open(t.Context(), older)
	if err != nil {
		t.Fatal(err)
	}
	err = newer.InTx(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.Exec(`CREATE TABLE migrations (name VARCHAR(100) PRIMARY KEY, applied_at BIGINT NOT NULL)`); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO migrations (name, applied_at) VALUES ('999_later.sql', 0)`)
		return err
	})
	if err = errors.Join(err, newer.Close()); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		set  map[string]string
		want []string
	}{
		"no nameserver":        {map[string]string{"BOXOFFICE_NAMESRV": nobody}, []string{"BOXOFFICE_NAMESRV", nobody}},
		"nameserver's name":    {map[string]string{"BOXOFFICE_NAMESRV": "nowhere.invalid:9876"}, []string{"BOXOFFICE_NAMESRV", "nowhere.invalid"}},
		"nameserver's port":    {map[string]string{"BOXOFFICE_NAMESRV": "127.0.0.1"}, []string{"BOXOFFICE_NAMESRV", "port"}},
		"no database":          {map[string]string{"BOXOFFICE_STOCK_DSN": "mysql://u:p@" + nobody + "/x"}, []string{"BOXOFFICE_STOCK_DSN", nobody}},
		"no database's name":   {map[string]string{"BOXOFFICE_ORDER_DSN": "mysql://u:p@" + nobody}, []string{"BOXOFFICE_ORDER_DSN", "mysql://user"}},
		"another database":     {map[string]string{"BOXOFFICE_ORDER_DSN": "postgres://x"}, []string{"BOXOFFICE_ORDER_DSN", "mysql://"}},
		"newer schema":         {map[string]string{"BOXOFFICE_ORDER_DSN": older}, []string{"BOXOFFICE_ORDER_DSN", "newer", "999_later.sql"}},
		"taken port":           {map[string]string{"BOXOFFICE_LISTEN": taken.Addr().String()}, []string{"BOXOFFICE_LISTEN", "free address"}},
		"unwritable directory": {map[string]string{"BOXOFFICE_DATA_DIR": "/proc/nowhere"}, []string{"BOXOFFICE_DATA_DIR"}},
	} {
		t.Run(name, func(t *testing.T) {
			env := home{dir: t.TempDir()}.environment()
			for setting, value := range test.set {
				env[setting] = value
			}
			ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
			defer cancel()
			err := run(ctx, nil, settings.Invocation{Getenv: func(name string) string { return env[name] }, Now: time.Now, Stdout: io.Discard})
			if err == nil || ctx.Err() != nil || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line, in time", err)
			}
			for _, word := range append(test.want, "set ") {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error %q, want it to have %q", err, word)
				}
			}
			t.Log(err)
		})
	}
}

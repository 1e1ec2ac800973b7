//go:build !race

package app

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// part is something that several offices share and that the test may kill -9.
type part struct {
	name  string
	kill  func()
	start func()
}

// Two processes sell and two make orders, on one message queue and one pair of databases. One of each is killed in
// mid-sale, then the message queue, then the database. Whoever was told "reserved" has that order, payments that were
// answered count, no ticket is lost or sold twice, and a minute and a half after the last fault nothing is left open.
func TestManyProcessesOneSale(t *testing.T) {
	slow(t)
	o := newPrograms(t, "BOXOFFICE_PAY_WINDOW", "10s", "BOXOFFICE_SWEEP_GRACE", "1s")
	parts := o.sharedParts()
	sellers := []program{o.launch("-roles", "api,stock"), o.launch("-roles", "api,stock")}
	makers := []program{o.launch("-roles", "order"), o.launch("-roles", "order")}
	o.shop = sellers[1].shop
	s := openSale(o, bookPace, sellers[0].shop, sellers[1].shop)

	s.sell(200)
	sellers[0].kill(t)
	makers[0].kill(t)
	s.sell(200)
	known := s.acknowledged()
	o.within(settleLimit, "the survivors finish what the dead ones began", func() bool {
		for id, buyer := range known {
			if o.order(buyer, id).Status == "reserved" {
				return false
			}
			delete(known, id)
		}
		return true
	})
	s.addShop(o.launch("-roles", "api,stock").shop)
	o.launch("-roles", "order")
	for _, p := range parts {
		p.kill()
		s.meetsRefusals(p.name)
		p.start()
		s.sell(200)
	}
	s.close()
	s.wantEverythingSettled()
}

// sharedParts gives the offices of this home a message queue and databases to share, and returns what can be killed.
func (o *officeTest) sharedParts() []part {
	o.t.Helper()
	if onStack(o.t) {
		return []part{stackPart(o.t, "broker"), stackPart(o.t, "db")}
	}
	address := freeAddress(o.t)
	var broker program
	start := func() {
		broker = o.launch("broker", "-listen", address, "-data", filepath.Join(o.dir, "broker"),
			"-check-timeout", "1s", "-check-interval", "1s")
	}
	start()
	o.env["BOXOFFICE_NAMESRV"] = address
	return []part{{"broker", func() { broker.kill(o.t) }, start}}
}

// stackPart is a part of the stack that BOXOFFICE_STACK_DIR names, if there is one: other tests may not kill what others
// use.
func stackPart(t *testing.T, name string) part {
	t.Helper()
	if os.Getenv("BOXOFFICE_STACK_DIR") == "" {
		t.Skip("needs a stack that it may kill, named by BOXOFFICE_STACK_DIR: run make test-stack")
	}
	stack := func(verb string) func() {
		return func() {
			t.Helper()
			if out, err := exec.Command("go", "run", "../scripts/stack", verb, name).CombinedOutput(); err != nil {
				t.Fatalf("%s %s: %v\n%s", verb, name, err, out)
			}
		}
	}
	p := part{name, stack("kill"), stack("start")}
	t.Cleanup(p.start) // whatever happens, the next test finds it running
	return p
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

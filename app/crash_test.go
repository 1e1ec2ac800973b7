//go:build !race

package app

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// newPrograms is a home for offices that are processes of their own. Without a real RocketMQ each process brings its
// embedded broker.
func newPrograms(t *testing.T, settings ...string) *officeTest {
	t.Helper()
	o := &officeTest{home: newDatabases(t), t: t, clock: &testClock{}}
	if onStack(t) {
		o.prefix, o.nameServer = newPrefix(), stackNameServer()
	}
	o.env = o.environment()
	for i := 0; i+1 < len(settings); i += 2 {
		o.env[settings[i]] = settings[i+1]
	}
	return o
}

// program is the whole program as a process of its own.
type program struct {
	command     *exec.Cmd
	shop, admin string
}

// kill is kill -9: the process gets no chance to finish anything.
func (p program) kill(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.command.Wait() // its error is that it was killed
}

// startProgram launches an office and sends what follows to it.
func (o *officeTest) startProgram(args ...string) program {
	o.t.Helper()
	p := o.launch(args...)
	o.shop, o.admin = p.shop, p.admin
	return p
}

// launch runs the program, embedded broker and all unless its environment says otherwise, and returns when it is ready.
func (o *officeTest) launch(args ...string) program {
	o.t.Helper()
	executable, err := os.Executable()
	if err != nil {
		o.t.Fatal(err)
	}
	command := exec.Command(executable, args...)
	command.Env = append(os.Environ(), "BOXOFFICE_TEST_AS_PROGRAM=1")
	for name, value := range o.env {
		command.Env = append(command.Env, name+"="+value)
	}
	stdout := newOutput(o.t)
	command.Stdout, command.Stderr = stdout, os.Stderr
	if err := command.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended already
		_ = command.Wait()
	})
	p := program{command: command}
	select {
	case line := <-stdout.ready:
		p.shop, p.admin = addresses(line)
	case <-time.After(testDeadline):
		o.t.Fatal("the program was not ready in time")
	}
	return p
}

// The process dies in the middle of a sale, three times over. Whoever was told "reserved" has that order, each order
// comes to its end, and no ticket is lost or sold twice.
func TestKillInMidSale(t *testing.T) {
	o := newPrograms(t, "BOXOFFICE_PAY_WINDOW", "8s", "BOXOFFICE_SWEEP_GRACE", "1s")
	program := o.startProgram()
	screening := o.addScreening(100_000, 0)
	var mu sync.Mutex
	acknowledged := map[string]string{} // order id: buyer
	for round := range 3 {
		var sale sync.WaitGroup
		for n := range 32 {
			sale.Go(func() {
				for purchase := 0; ; purchase++ {
					buyer := fmt.Sprintf("buyer-%d-%d-%d", round, n, purchase)
					r, err := o.send("POST", "/v1/screenings/"+screening+"/orders", bearer(t, buyer, "buyer"),
						`{"quantity":1}`, "Idempotency-Key", "k")
					if err != nil {
						return // the process is gone
					}
					if r.status == http.StatusAccepted {
						mu.Lock()
						acknowledged[decode[orderJSON](t, r).ID] = buyer
						mu.Unlock()
					}
				}
			})
		}
		o.eventually("sale under way", func() bool { mu.Lock(); defer mu.Unlock(); return len(acknowledged) >= (round+1)*500 })
		program.kill(t)
		sale.Wait()
		program = o.startProgram()
	}
	paid := 0
	for id, buyer := range acknowledged {
		if status := o.order(buyer, id).Status; status == "" {
			t.Errorf("acknowledged order %s is gone", id)
		}
		if paid < 20 {
			result := o.callback("pay-"+id, id, 1)
			if result != "applied" && result != "parked" && result != "refund_due" {
				t.Errorf("payment of %s: %s", id, result)
			}
			if result == "refund_due" {
				continue
			}
			paid++
		}
	}
	deadline := time.Now().Add(2 * testDeadline)
	for {
		available, reserved, sold := o.counters(screening)
		if reserved == 0 {
			if int(sold) != paid || available != 100_000-sold {
				t.Errorf("%d sold and %d available, want %d sold", sold, available, paid)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d tickets are still reserved", reserved)
		}
		time.Sleep(50 * time.Millisecond)
	}
	for id, buyer := range acknowledged {
		if status := o.order(buyer, id).Status; status != "paid" && status != "cancelled" {
			t.Errorf("order %s ends as %s", id, status)
		}
	}
}

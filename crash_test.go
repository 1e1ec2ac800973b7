//go:build !race

package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
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
		o.prefix = newPrefix()
	}
	o.env = o.environment()
	if onStack(t) {
		o.env["BOXOFFICE_NAMESRV"] = stackNameServer()
	}
	for i := 0; i+1 < len(settings); i += 2 {
		o.env[settings[i]] = settings[i+1]
	}
	return o
}

// startProgram runs the whole program as a process of its own, embedded broker and all, and returns when it is ready.
func (o *officeTest) startProgram(args ...string) *exec.Cmd {
	o.t.Helper()
	program, err := os.Executable()
	if err != nil {
		o.t.Fatal(err)
	}
	command := exec.Command(program, args...)
	command.Env = append(os.Environ(), "BOXOFFICE_TEST_AS_PROGRAM=1")
	for name, value := range o.env {
		command.Env = append(command.Env, name+"="+value)
	}
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended already
		_ = command.Wait()
	})
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "boxoffice is ready") {
				ready <- lines.Text()
			}
		}
		_, _ = io.Copy(io.Discard, stdout)
	}()
	select {
	case line := <-ready:
		o.shop, o.admin = addresses(line)
	case <-time.After(testDeadline):
		o.t.Fatal("the program was not ready in time")
	}
	return command
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
		if err := program.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = program.Wait()
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

package mq_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"boxoffice/common/mq"
)

// turnOff closes m1 and puts in its place what answers nothing to who connects, as a machine that is off: a listener of whose
// queue every place is taken. The client library's own heartbeats take its lock too, one second after the start of each of
// so many producers and then every 30: the first are let pass.
func (c *clusterTest) turnOff(t *testing.T, producers int32) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); c.beats["m1"].Load() < producers || c.beats["m2"].Load() < producers; {
		if time.Now().After(end) {
			t.Fatal("no heartbeat of each producer")
		}
		time.Sleep(10 * time.Millisecond)
	}
	address := c.brokers["m1"].Addr()
	if err := c.brokers["m1"].Close(); err != nil {
		t.Fatal(err)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 16 {
		conn, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the listener's queue has no end")
}

// A machine that is off refuses no connection. Connecting to it took the client library's only lock for a second, and every
// purchase was refused meanwhile, also those that went to the other master, which was blamed and spared for it.
func TestHalfOutlivesAMachineThatIsOff(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	c.buyAt(t, "m1")
	c.turnOff(t, 1)
	before := c.bus.Stats().HalvesElsewhere
	var buying sync.WaitGroup
	for range 8 {
		buying.Go(func() { c.buy(t) })
	}
	buying.Wait()
	elsewhere := c.bus.Stats().HalvesElsewhere
	if elsewhere == before {
		t.Error("no half message has gone to the other master")
	}
	// It is looked for when its pause is over, by a clock that is set: the client library's next heartbeat, which would hold all
	// up, is half a minute away. No purchase is to try the machine while it is looked for, or after that.
	for range 2 {
		pause := mq.Pause(c.transactor, "m1")
		mq.Later(c.transactor, pause)
		for end := time.Now().Add(10 * time.Second); mq.Pause(c.transactor, "m1") == pause; {
			if time.Now().After(end) {
				t.Fatalf("m1 is not looked for after %v", pause)
			}
			c.buy(t)
		}
	}
	for range 8 {
		c.buy(t)
	}
	if more := c.bus.Stats().HalvesElsewhere - elsewhere; more != 0 {
		t.Errorf("%d purchases have tried the machine that is off", more)
	}
	if m1, m2 := mq.Pause(c.transactor, "m1"), mq.Pause(c.transactor, "m2"); m1 == 0 || m2 != 0 {
		t.Errorf("m1 is spared for %v and m2 for %v, want m1 alone", m1, m2)
	}
}

// A message of its own has no other's patience: whoever sends a plain message to a machine that is off goes to the other one.
func TestSendOutlivesAMachineThatIsOff(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	sender := newSender(t, c.bus)
	for range 8 {
		if err := mq.Send(t.Context(), sender, c.topic, "k", order{"1"}); err != nil {
			t.Fatal(err)
		}
	}
	c.turnOff(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // one connection to it took three
	defer cancel()
	for range 4 {
		if err := mq.Send(ctx, sender, c.topic, "k", order{"1"}); err != nil {
			t.Fatal(err)
		}
	}
}

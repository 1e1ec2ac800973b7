package mq

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"boxoffice/broker/remoting"
)

// A master that had failed once was looked for at the address of which the nameservers told at that moment: while none of them
// answered, or knew it, it was spared for good, although it was well and the client library had its address all the time.
func TestMasterIsReachedWithoutNameServers(t *testing.T) {
	master := listen(t, func(conn net.Conn) { _ = conn.Close() })
	cluster := fmt.Sprintf(`{"brokerAddrTable":{"m1":{"brokerAddrs":{0:%q}}}}`, master)
	knowing := newNameServer(t, func(int) remoting.Frame { return remoting.Frame{Body: []byte(cluster)} })
	for name, instead := range map[string]string{"refused": "127.0.0.1:1", "hung": newHungServer(t), "restarted": newFreshServer(t)} {
		t.Run(name, func(t *testing.T) {
			servers, err := newNameServers([]string{knowing})
			if err != nil {
				t.Fatal(err)
			}
			if err := servers.refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			servers.addresses = [][]string{{instead}}
			ctx, cancel := context.WithTimeout(t.Context(), reachTimeout)
			defer cancel()
			if err := servers.reach(ctx, "m1"); err != nil {
				t.Errorf("reach m1: %v", err)
			}
			if err := servers.reach(ctx, "m2"); err == nil {
				t.Error("reached a master that nobody has ever named")
			}
		})
	}
}

// Where the nameservers do tell of a master, what they told before does not count: it may have moved.
func TestMasterIsReachedWhereItIsNow(t *testing.T) {
	var at atomic.Value // of the master, as the nameserver tells it
	at.Store(listen(t, func(conn net.Conn) { _ = conn.Close() }))
	server := newNameServer(t, func(int) remoting.Frame {
		return remoting.Frame{Body: fmt.Appendf(nil, `{"brokerAddrTable":{"m1":{"brokerAddrs":{0:%q}}}}`, at.Load())}
	})
	servers, err := newNameServers([]string{server})
	if err != nil {
		t.Fatal(err)
	}
	if err := servers.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	at.Store("127.0.0.1:1")
	if err := servers.reach(t.Context(), "m1"); err == nil {
		t.Error("reached a master where it was")
	}
}

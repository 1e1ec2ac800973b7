package mq

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	"boxoffice/broker"
)

// newHungServerAt is newHungServer at an address of its own.
func newHungServerAt(t *testing.T, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("this machine has no second loopback address: %v", err)
	}
	acceptAll(t, listener, func(conn net.Conn) { t.Cleanup(func() { _ = conn.Close() }) })
}

// One name led to two nameservers, as that of a headless service does. Only the first address was ever asked: one that hung
// stopped the start, and took the processes that ran out of rotation.
func TestEveryAddressOfANameIsAsked(t *testing.T) {
	b := broker.RunT(t)
	_, port, err := net.SplitHostPort(b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	newHungServerAt(t, net.JoinHostPort("127.0.0.2", port))
	good, hung := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	for _, addresses := range [][]netip.Addr{{good, hung}, {hung, good}} {
		servers, err := newNameServers([]string{"namesrv.rex.example:" + port})
		if err != nil {
			t.Fatal(err)
		}
		servers.lookUp = func(context.Context, string) ([]netip.Addr, error) { return addresses, nil }
		refresh := func() {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), openTimeout)
			defer cancel()
			if err := servers.refresh(ctx); err != nil {
				t.Fatalf("%v: %v", addresses, err)
			}
			if got := servers.Resolve(); !slices.Equal(got, []string{b.Addr()}) {
				t.Errorf("%v: the client is told of %v, want %s", addresses, got, b.Addr())
			}
			if _, err := servers.brokers(ctx); err != nil {
				t.Errorf("%v: ask for brokers: %v", addresses, err)
			}
		}
		refresh()
		servers.lookUp = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
		refresh() // the addresses that were known are asked on
	}
}

// A name that leads to very many addresses has its share of those that are asked.
func TestAddressesOfNamesAreBounded(t *testing.T) {
	names := []string{"one.example:1", "two.example:1", "three.example:1"}
	servers, err := newNameServers(names)
	if err != nil {
		t.Fatal(err)
	}
	servers.lookUp = func(context.Context, string) ([]netip.Addr, error) {
		return slices.Repeat([]netip.Addr{netip.MustParseAddr("127.0.0.1")}, 1000), nil
	}
	for _, name := range names {
		addresses, err := servers.resolve(t.Context(), name)
		if err != nil || len(addresses) == 0 || len(names)*len(addresses) > maxNameServers {
			t.Errorf("%s: %d addresses, %v", name, len(addresses), err)
		}
	}
}

package mq

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A master that was well was blamed, and spared, for the time in which the client library was connecting to another one.
func TestMasterIsNotBlamedForAnothersConnection(t *testing.T) {
	c := newChoice()
	after := func(d time.Duration) { c.at = c.at.Add(d) }
	atM2 := c.goesTo("m2")
	atM1 := c.goesTo("m1")
	dial := c.dial(t, atM1)
	dial.ConnectStart("tcp", "m1")
	after(masterPatience)
	c.wantWait(t, "while another connects", atM2, masterPatience)
	c.wantWait(t, "while it connects itself", atM1, 0)
	dial.ConnectDone("tcp", "m1", nil)
	after(masterPatience / 2)
	c.wantWait(t, "half its time since", atM2, masterPatience/2)
	if c.failing["m1"] == nil || c.failing["m2"] != nil {
		t.Errorf("spared: %v", c.failing)
	}
	after(masterPatience / 2)
	c.wantWait(t, "all its time", atM2, 0)
	if c.failing["m2"] == nil {
		t.Error("a silent master is not spared")
	}
}

// A message that had waited for another one's connection, and then made one of its own, was waited for no longer, and its master,
// which had had a moment, was blamed and spared.
func TestMasterIsNotBlamedForWhatCameBeforeItsConnection(t *testing.T) {
	c := newChoice()
	after := func(d time.Duration) { c.at = c.at.Add(d) }
	first, behind := c.goesTo("m1"), c.goesTo("m2")
	firstDial, behindsDial := c.dial(t, first), c.dial(t, behind)
	firstDial.ConnectStart("tcp", "m1")
	after(200 * time.Millisecond)
	firstDial.ConnectDone("tcp", "m1", errors.New("refused"))
	behindsDial.ConnectStart("tcp", "m2")
	after(50 * time.Millisecond)
	c.wantWait(t, "it connects for a fifth of its time", behind, 200*time.Millisecond)
	behindsDial.ConnectDone("tcp", "m2", nil)
	c.dial(t, c.goesTo("m2")).ConnectStart("tcp", "m2") // which it does not wait for
	after(150 * time.Millisecond)
	c.wantWait(t, "an answer is missing", behind, 50*time.Millisecond)
	if c.failing["m2"] != nil {
		t.Error("the second master is spared")
	}
	after(50 * time.Millisecond)
	c.wantWait(t, "all its time", behind, 0)
	if c.failing["m2"] == nil {
		t.Error("a silent master is not spared")
	}
}

// A short connection to another master took a message's patience anew, from its end on: those of some masters that come back
// one after the other kept it at a silent one for as long as a half message has.
func TestShortConnectionsTakeNoPatienceAnew(t *testing.T) {
	c := newChoice()
	silent := c.goesTo("m2")
	for range 2 {
		c.at = c.at.Add(120 * time.Millisecond)
		another := c.dial(t, c.goesTo("m1"))
		another.ConnectStart("tcp", "m1")
		c.at = c.at.Add(5 * time.Millisecond)
		another.ConnectDone("tcp", "m1", nil)
	}
	if got, want := c.waited(silent), 10*time.Millisecond; got != want {
		t.Errorf("to be waited for %v longer, want %v, which the connections took", got, want)
	}
}

// dial returns the hooks of the connection that the client library makes for a message.
func (c *choiceTest) dial(t *testing.T, try *masterTry) *httptrace.ClientTrace {
	t.Helper()
	ctx, free := c.boundDial(t.Context(), try.message)
	t.Cleanup(free)
	return httptrace.ContextClientTrace(ctx)
}

// connect connects for a message, as the client library does for a master at an address.
func (c *choiceTest) connect(ctx context.Context, try *masterTry, dialer *net.Dialer, address string) error {
	ctx, free := c.boundDial(ctx, try.message)
	defer free()
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return err
}

// Those behind a connection that failed do not make it again, one after the other, and those that come then go elsewhere.
func TestNobodyConnectsToAMasterThatCouldNotBeReached(t *testing.T) {
	c := newChoice()
	good := listen(t, func(conn net.Conn) { _ = conn.Close() })
	connect := func(try *masterTry, address string) error {
		return c.connect(t.Context(), try, new(net.Dialer), address)
	}
	first, behind, elsewhere := c.goesTo("m1"), c.goesTo("m1"), c.goesTo("m2")
	if err := connect(first, "127.0.0.1:1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("first connection: %v", err)
	}
	c.want(t, "before the message that made it has ended", nil, 0, 8)
	if err := connect(behind, good); err == nil {
		t.Error("connected behind a connection that has failed")
	}
	if err := connect(elsewhere, good); err != nil {
		t.Errorf("connect to another master: %v", err)
	}
	c.at = c.at.Add(masterPauseFirst)
	if err := connect(c.goesTo("m1"), good); err != nil {
		t.Errorf("connect for a message that chose the master later: %v", err)
	}
	if c.dials.running != 0 {
		t.Errorf("%d connections are being made", c.dials.running)
	}
}

// Whoever sent and went away in the middle of a connection had it counted as one that failed: those behind it were refused
// it, and the master was spared.
func TestConnectionOfWhomHasGoneTellsNothing(t *testing.T) {
	c := newChoice()
	good := listen(t, func(conn net.Conn) { _ = conn.Close() })
	first, behind := c.goesTo("m1"), c.goesTo("m1")
	gone, cancel := context.WithCancel(t.Context())
	cancels := &net.Dialer{Control: func(string, string, syscall.RawConn) error { cancel(); return nil }}
	if err := c.connect(gone, first, cancels, good); err == nil {
		t.Fatal("connected without a caller")
	}
	if err := c.connect(t.Context(), behind, new(net.Dialer), good); err != nil {
		t.Errorf("the next connection: %v", err)
	}
	if c.failing["m1"] != nil {
		t.Error("the master is spared")
	}
}

// A master's name led to two addresses, of which the first refused. That was taken for the end of the connection: the second
// one, at which the master listened, was never tried.
func TestEveryAddressOfAMasterIsTried(t *testing.T) {
	_, port, err := net.SplitHostPort(listen(t, func(conn net.Conn) { _ = conn.Close() }))
	if err != nil {
		t.Fatal(err)
	}
	addresses := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
	if probe, err := net.Listen("tcp", net.JoinHostPort("127.0.0.2", port)); err != nil {
		t.Skipf("this machine has no second loopback address: %v", err)
	} else {
		_ = probe.Close()
	}
	for range 2 {
		slices.Reverse(addresses)
		c := newChoice()
		try, behind := c.goesTo("m1"), c.goesTo("m1")
		if err := c.connect(t.Context(), try, dialerOfNames(t, addresses), net.JoinHostPort("m1.example", port)); err != nil {
			t.Errorf("%v: %v", addresses, err)
		}
		if behind.dead || c.failing["m1"] != nil {
			t.Errorf("%v: the master counts as one that cannot be reached", addresses)
		}
		if c.dials.running != 0 {
			t.Errorf("%v: %d connections are being made", addresses, c.dials.running)
		}
		// Nobody listens at the other port, at any of them.
		if err := c.connect(t.Context(), behind, dialerOfNames(t, addresses), "m1.example:1"); err == nil {
			t.Error("connected where nobody listens")
		}
		if !behind.dead || c.failing["m1"] == nil || c.dials.running != 0 {
			t.Errorf("%v: %d connections are being made to a master that cannot be reached", addresses, c.dials.running)
		}
	}
}

// The look at a name was not bounded: with name servers that said nothing it took the client library's lock for as long as the
// message had, and whatever went to other masters was refused meanwhile.
func TestLookAtANameIsBounded(t *testing.T) {
	c := newChoice()
	hangs := &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // the resolver gives up after five
	defer cancel()
	try, behind := c.goesTo("m1"), c.goesTo("m1")
	if err := c.connect(ctx, try, hangs, "m1.example:1"); err == nil || ctx.Err() != nil {
		t.Errorf("ended by %v, its caller by %v", err, ctx.Err())
	}
	if !behind.dead || c.dials.running != 0 {
		t.Errorf("%d connections are being made, and the next one is refused: %t", c.dials.running, behind.dead)
	}
}

// dialerOfNames finds the same addresses for every name.
func dialerOfNames(t *testing.T, addresses []netip.Addr) *net.Dialer {
	t.Helper()
	serve := func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		answer, err := answerTo(query, addresses)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write(answer)
	}
	at := listen(t, func(conn net.Conn) { go serve(conn) })
	return &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", at)
	}}}
}

// answerTo is the answer of a name server, as it is sent over TCP.
func answerTo(query []byte, addresses []netip.Addr) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	if question := m.Questions[0]; question.Type == dnsmessage.TypeA {
		for _, address := range addresses {
			header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: address.As4()}})
		}
	}
	wire, err := m.Pack()
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...), err
}

// Whoever had to wait for a machine that is off, and then to be sure of it, must have time left for another master.
func TestConnectionLeavesTimeForAnotherMaster(t *testing.T) {
	if dialTimeout+masterPatience >= HalfTimeout {
		t.Errorf("%v to connect and %v to wait leave nothing of %v", dialTimeout, masterPatience, HalfTimeout)
	}
}

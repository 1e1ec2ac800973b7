package mq

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

func TestResolveGivesAddressesTheClientTakes(t *testing.T) {
	servers, err := newNameServers([]string{"localhost:9876", "127.0.0.2:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := servers.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := servers.Resolve(); len(got) != 2 || got[0] != "127.0.0.1:9876" {
		t.Errorf("resolved to %v", got)
	} else if _, err := primitive.NewNamesrvAddr(got...); err != nil {
		t.Errorf("resolved to %v: %v", got, err)
	}
	if _, err := newNameServers(nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("no nameserver: %v", err)
	}
	if _, err := newNameServers([]string{"no-port"}); err == nil {
		t.Error("an address without a port was taken")
	}
}

// newHungServer takes connections and says nothing.
func newHungServer(t *testing.T) string {
	t.Helper()
	return listen(t, func(conn net.Conn) { t.Cleanup(func() { _ = conn.Close() }) })
}

// One of two nameservers hung, or had a name that nobody knew any more: the start failed, and processes that ran were
// taken out of rotation, although the other one would have done.
func TestOneNameServerThatAnswersIsEnough(t *testing.T) {
	b := broker.RunT(t)
	for name, other := range map[string]string{
		"hung": newHungServer(t), "unresolvable": "nowhere.invalid:9876", "refused": "127.0.0.1:1",
	} {
		for _, list := range [][]string{{other, b.Addr()}, {b.Addr(), other}, {other, other, b.Addr()}} {
			bus, err := Open(t.Context(), Config{NameServers: list, Process: "test", Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := bus.servers.Resolve(); len(got) != 1 || got[0] != b.Addr() {
				t.Errorf("%s: the client is told of %v", name, got)
			}
			if err := bus.Ping(t.Context()); err != nil {
				t.Errorf("%s: ping: %v", name, err)
			}
			if err := bus.Provision(t.Context(), []TopicSpec{{Name: "t-" + name, Queues: 1}}, nil); err != nil {
				t.Errorf("%s: provision: %v", name, err)
			}
			if err := bus.Close(); err != nil {
				t.Errorf("%s: close: %v", name, err)
			}
		}
	}
}

// newFreshServer is a nameserver that has just been restarted: no broker has registered with it yet.
func newFreshServer(t *testing.T) string {
	t.Helper()
	return newNameServer(t, func(code int) remoting.Frame {
		switch code {
		case remoting.GetBrokerClusterInfo:
			return remoting.Frame{Body: []byte(`{"brokerAddrTable":{},"clusterAddrTable":{}}`)}
		case remoting.GetAllTopicListFromNameServer:
			return remoting.Frame{Body: []byte(`{"topicList":[]}`)}
		}
		return remoting.Frame{Code: remoting.TopicNotExist}
	})
}

// newNameServer is a nameserver that answers each request by its code.
func newNameServer(t *testing.T, answerTo func(code int) remoting.Frame) string {
	t.Helper()
	serve := func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		in := remoting.NewReader(conn)
		for {
			request, err := in.Read()
			if err != nil {
				return
			}
			answer := answerTo(request.Code)
			answer.Opaque, answer.Flag = request.Opaque, 1
			wire, err := remoting.AppendFrame(nil, &answer)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := conn.Write(wire); err != nil {
				return
			}
		}
	}
	return listen(t, func(conn net.Conn) { go serve(conn) })
}

// newSlowPath leads to a server, and takes a moment for it.
func newSlowPath(t *testing.T, to string) string {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		go func() {
			defer func() { _ = conn.Close() }()
			time.Sleep(answerGrace / 6)
			onward, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(onward, conn); _ = onward.Close() }()
			_, _ = io.Copy(conn, onward)
		}()
	})
}

// A nameserver answered at once that it knows no broker, because it had just been restarted and brokers register again every
// half minute. Its answer was the first, so processes did not start, and others were taken out of rotation.
func TestRestartedNameServerWaitsForTheOthers(t *testing.T) {
	b := broker.RunT(t)
	fresh, good := newFreshServer(t), newSlowPath(t, b.Addr())
	open := func(servers ...string) (*Bus, error) {
		bus, err := Open(t.Context(), Config{NameServers: servers, Process: "test", Owner: "east", Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			t.Cleanup(func() { _ = bus.Close() })
		}
		return bus, err
	}
	bus, err := open(fresh, good)
	if err != nil {
		t.Fatal(err)
	}
	if got := bus.servers.Resolve(); len(got) != 1 || got[0] != good {
		t.Errorf("the client is told of %v, and not of %s alone", got, good)
	}
	if err := bus.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	if err := bus.Claim(t.Context()); err != nil {
		t.Errorf("claim: %v", err)
	}
	if owners, err := bus.marks(t.Context(), ownerTopic); err != nil || len(owners) != 1 {
		t.Errorf("owners are %v, %v", owners, err)
	}
	if _, err := open(fresh, fresh); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "no broker is registered") {
		t.Errorf("all of them restarted: %v", err)
	}
}

// What one nameserver answers may be garbled, or an error page of something else at its port; the other one was not heard.
func TestGarbledNameServerIsLeftOut(t *testing.T) {
	b := broker.RunT(t)
	garbled := newNameServer(t, func(int) remoting.Frame { return remoting.Frame{Body: []byte("<html>")} })
	bus, err := Open(t.Context(), Config{
		NameServers: []string{garbled, newSlowPath(t, b.Addr())}, Process: "test", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
}

func TestNoNameServerIsOneSentence(t *testing.T) {
	_, err := Open(t.Context(), Config{
		NameServers: []string{"127.0.0.1:1", "nowhere.invalid:9876"}, Process: "test", Log: slog.New(slog.DiscardHandler),
	})
	if !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	for _, r := range err.Error() {
		if r == '\n' {
			t.Errorf("more than a line: %v", err)
		}
	}
}

// A nameserver that comes back, or whose name leads elsewhere, is asked again.
func TestServersThatComeBackAreFound(t *testing.T) {
	first, second := broker.RunT(t), broker.RunT(t)
	servers, err := newNameServers([]string{first.Addr(), second.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	want := func(addresses ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := servers.refresh(ctx); err != nil {
			t.Fatal(err)
		}
		got := servers.Resolve()
		if len(got) != len(addresses) {
			t.Fatalf("asked are %v, want %v", got, addresses)
		}
	}
	want(first.Addr(), second.Addr())
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	want(second.Addr())
	again := broker.RunT(t, broker.WithListen(first.Addr()))
	want(again.Addr(), second.Addr())
	if all := servers.known(); len(all) != 2 {
		t.Errorf("known are %v", all)
	}
}

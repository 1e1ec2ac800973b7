//go:build !race

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// needRedis skips where there is none, as the benchmark does.
func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath(redisProgram); err != nil {
		t.Skip(err)
	}
}

// newRedis starts a server, which ends with the test.
func newRedis(t *testing.T, appendfsync string) *child {
	t.Helper()
	needRedis(t)
	f := &fixture{dir: t.TempDir()}
	t.Cleanup(func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
	server, _, err := startRedis(t.Context(), f, appendfsync)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func newRedisStock(t *testing.T) *redisStock {
	t.Helper()
	needRedis(t)
	f, err := newBench(t).home.open(t.Context(), t.TempDir())
	t.Cleanup(func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := openRedis(context.WithoutCancel(t.Context()), f, "everysec") // it closes after the test's context
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The two variants differ in nothing but this.
func TestRedisIsAsDurableAsItSays(t *testing.T) {
	for _, appendfsync := range []string{"everysec", "always"} {
		server := newRedis(t, appendfsync)
		conn, err := net.Dial("tcp", server.address(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("CONFIG GET append*\r\nQUIT\r\n")); err != nil {
			t.Fatal(err)
		}
		settings, err := io.ReadAll(conn)
		if err := errors.Join(err, conn.Close()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"appendonly\r\n$3\r\nyes\r\n",
			"appendfsync\r\n$" + strconv.Itoa(len(appendfsync)) + "\r\n" + appendfsync + "\r\n",
		} {
			if !strings.Contains(string(settings), want) {
				t.Errorf("%q is not in %q", want, settings)
			}
		}
	}
}

// A busy machine creates no order in 50 ms, so that the time doubles until there is one.
func TestRedisAccountsForItsTickets(t *testing.T) {
	needRedis(t)
	b := newBench(t)
	b.only = []string{"redis everysec", "redis always"}
	for _, m := range b.measurements() {
		for b.duration = 50 * time.Millisecond; ; b.duration *= 2 {
			got, err := m.run(t.Context())
			if err == nil && got[perSecond] > 0 {
				break
			}
			if err != nil || b.duration > 10*time.Second {
				t.Errorf("%s: %v, %v in %s", m.name, got, err, b.duration)
				break
			}
		}
	}
}

func TestRedisSellsATicketOnce(t *testing.T) {
	s := newRedisStock(t)
	ctx := t.Context()
	if err := s.setTickets(ctx, 1); err != nil {
		t.Fatal(err)
	}
	p := purchase{run: "a"}
	if err := s.buy(ctx, p); err != nil {
		t.Fatal(err)
	}
	if err := s.buy(ctx, purchase{run: "b"}); !errors.Is(err, errSoldOut) {
		t.Errorf("%v, want sold out", err)
	}
	if err := s.setTickets(ctx, 5); err != nil {
		t.Fatal(err)
	}
	if err := s.buy(ctx, p); err == nil {
		t.Error("the same purchase was made twice")
	}
	s.sender.Close()
	if err := s.buy(ctx, purchase{run: "c"}); !errors.Is(err, errBusy) {
		t.Errorf("%v, want busy: the message cannot be sent", err)
	}
	if left, err := s.ticketsLeft(ctx); left != 5 || err != nil {
		t.Errorf("%v, %v: the ticket did not come back", left, err)
	}
	if err := s.setTickets(ctx, hotCapacity-1); err != nil {
		t.Fatal(err)
	}
	if err := s.verify(ctx, 1); err != nil {
		t.Error(err)
	}
	if err := s.setTickets(ctx, hotCapacity); err != nil {
		t.Fatal(err)
	}
	if err := s.verify(ctx, 1); err == nil {
		t.Error("a ticket too many is not noticed")
	}
}

// A message came twice and was counted as two orders.
func TestRedisCountsAnOrderOnce(t *testing.T) {
	s := newRedisStock(t)
	order := func(id string) event.Order { return event.Order{ID: id, ScreeningID: s.screeningID, BuyerID: id} }
	foreign := order("foreign")
	foreign.ScreeningID = "another measurement's"
	for _, o := range []event.Order{order("a"), order("a"), order("b"), foreign} {
		if err := mq.Send(t.Context(), s.sender, benchQueued, o.ID, o); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), verifyTimeout)
	defer cancel()
	if err := eventually(ctx, func() error {
		if n := s.bus.Stats().Handled; n != 4 {
			return errors.New("not all are handled")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n := s.created.Load(); n != 2 {
		t.Errorf("%d orders are counted, want 2", n)
	}
}

func TestRedisStartsOnlyAsItself(t *testing.T) {
	other := newRedis(t, "everysec")
	address := other.address(t)
	_, _, err := tryRedis(t.Context(), t.TempDir(), address, "everysec")
	if err == nil || !strings.Contains(err.Error(), "Failed listening") {
		t.Errorf("%v, want what the server says of a port that is taken", err)
	}
	f := &fixture{dir: t.TempDir()}
	if _, _, err := startRedis(t.Context(), f, "sometimes"); err == nil || len(f.closers) > 0 {
		t.Errorf("%v, want an error for a setting that Redis does not know", err)
	}
	if err := f.close(); err != nil {
		t.Error(err)
	}
	if err := other.command.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the server that was there is gone: %v", err)
	}
}

// address is where a server was told to listen.
func (c *child) address(t *testing.T) string {
	t.Helper()
	args := c.command.Args
	return net.JoinHostPort(args[2], args[4])
}

// The run failed on every machine without Redis.
func TestWithoutRedisItsMeasurementsAreLeftOut(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	b := newBench(t)
	b.only = []string{"core", "redis", "redis always"}
	var said bytes.Buffer
	if err := b.skipRedis(&said); err != nil {
		t.Fatal(err)
	}
	if err := b.skipRedis(&said); err != nil || strings.Count(said.String(), "\n") != 1 || len(b.only) != 1 {
		t.Errorf("%v, %q, left: %v", err, said.String(), b.only)
	}
	for _, m := range b.measurements() {
		if strings.HasPrefix(m.name, "redis") {
			t.Errorf("%s would run", m.name)
		}
	}
}

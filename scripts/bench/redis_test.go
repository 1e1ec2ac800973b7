//go:build !race

package main

import (
	"bufio"
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

// newRedis starts a server and returns a client of it.
func newRedis(t *testing.T, appendfsync string, connections int) (*redisClient, *child) {
	t.Helper()
	needRedis(t)
	r := &rig{dir: t.TempDir()}
	t.Cleanup(func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	})
	server, address, err := startRedis(t.Context(), r, appendfsync)
	if err != nil {
		t.Fatal(err)
	}
	client := newRedisClient(address, connections)
	r.onClose(client.close)
	return client, server
}

func newRedisShop(t *testing.T) *redisShop {
	t.Helper()
	needRedis(t)
	r, err := newBench(t).home.open(t.Context(), t.TempDir())
	t.Cleanup(func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := openRedis(context.WithoutCancel(t.Context()), r, "everysec") // it closes after the test's context
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRepliesOfRedis(t *testing.T) {
	c, _ := newRedis(t, "always", 1)
	long := strings.Repeat("a\r\n", 10_000)
	for _, step := range []struct {
		command []string
		want    any
	}{
		{[]string{"PING"}, "PONG"},
		{[]string{"GET", "k"}, nil},
		{[]string{"SET", "k", ""}, "OK"},
		{[]string{"GET", "k"}, ""},
		{[]string{"SET", "k", long}, "OK"},
		{[]string{"GET", "k"}, long},
		{[]string{"DECR", "n"}, int64(-1)},
	} {
		if got, err := c.do(t.Context(), step.command...); err != nil || got != step.want {
			t.Errorf("%.20q: %.20q, %v, want %.20q", step.command, got, err, step.want)
		}
	}
	for _, refused := range [][]string{{"NONSENSE"}, {"INCR", "k"}, {"EVALSHA", "0", "0"}, {"EVAL", "return redis.error_reply('no')", "0"}} {
		if got, err := c.do(t.Context(), refused...); got != nil || errorAs[redisError](err) == "" {
			t.Errorf("%q: %v, %v, want a redisError", refused, got, err)
		}
		if got, err := c.do(t.Context(), "PING"); got != "PONG" || err != nil {
			t.Errorf("after %q: %v, %v", refused, got, err)
		}
	}
}

// The two variants differ in nothing but this.
func TestRedisIsAsDurableAsItSays(t *testing.T) {
	for _, appendfsync := range []string{"everysec", "always"} {
		_, server := newRedis(t, appendfsync, 1)
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
		for _, want := range []string{"appendonly\r\n$3\r\nyes\r\n", "appendfsync\r\n$" + strconv.Itoa(len(appendfsync)) + "\r\n" + appendfsync + "\r\n"} {
			if !strings.Contains(string(settings), want) {
				t.Errorf("%q is not in %q", want, settings)
			}
		}
	}
}

func errorAs[E error](err error) (e E) {
	errors.As(err, &e)
	return e
}

func TestWhatIsNoReplyIsRefused(t *testing.T) {
	for _, text := range []string{
		"\r\n", "+\n", "PONG\r\n", ":\r\n", ":1x\r\n", "$x\r\n", "$-2\r\n", "$1048577\r\n", "$1\r\naXX", "*1\r\n:1\r\n", ":" + strings.Repeat("1", 5000) + "\r\n",
		"$3\r\nab", "+OK",
	} {
		got, err := readReply(bufio.NewReader(strings.NewReader(text)))
		if err == nil || got != nil || errorAs[redisError](err) != "" {
			t.Errorf("%.20q is taken for %v, %v", text, got, err)
		}
	}
}

// A late reply must not be taken for that of the next command.
func TestABrokenConnectionIsReplaced(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answers := [][]byte{[]byte("$5\r\nab"), []byte("?\r\n+LATE\r\n"), []byte("+PONG\r\n")}
	served := make(chan error, 1)
	go func() {
		for _, answer := range answers {
			conn, err := listener.Accept()
			if err != nil {
				served <- err
				return
			}
			command := make([]byte, len("*1\r\n$4\r\nPING\r\n"))
			_, readErr := conn.Read(command)
			_, writeErr := conn.Write(answer)
			if !bytes.Equal(command, []byte("*1\r\n$4\r\nPING\r\n")) {
				readErr = errors.Join(readErr, errors.New(string(command)))
			}
			if err := errors.Join(readErr, writeErr, conn.Close()); err != nil {
				served <- err
				return
			}
		}
		served <- nil
	}()
	c := newRedisClient(listener.Addr().String(), 1)
	for range 2 {
		if got, err := c.do(t.Context(), "PING"); err == nil {
			t.Errorf("%v without an error", got)
		}
	}
	if got, err := c.do(t.Context(), "PING"); got != "PONG" || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if err := errors.Join(listener.Close(), <-served, c.close()); err != nil {
		t.Error(err)
	}
}

func TestRedisKeepsItsBooks(t *testing.T) {
	needRedis(t)
	b := newBench(t)
	b.slot = 50 * time.Millisecond
	for _, s := range b.slots() {
		if s.groups[0] != redisGroup {
			continue
		}
		got, err := s.run(t.Context())
		if err != nil || got[s.name+".orders/s"] <= 0 {
			t.Errorf("%s: %v, %v", s.name, got, err)
		}
	}
}

func TestRedisSellsATicketOnce(t *testing.T) {
	s := newRedisShop(t)
	ctx := t.Context()
	if _, err := s.client.do(ctx, "SET", s.stockKey(), "1"); err != nil {
		t.Fatal(err)
	}
	p := purchase{run: "a"}
	if err := s.buy(ctx, p); err != nil {
		t.Fatal(err)
	}
	if err := s.buy(ctx, purchase{run: "b"}); !errors.Is(err, errSoldOut) {
		t.Errorf("%v, want sold out", err)
	}
	if _, err := s.client.do(ctx, "SET", s.stockKey(), "5"); err != nil {
		t.Fatal(err)
	}
	if err := s.buy(ctx, p); err == nil {
		t.Error("the same purchase was made twice")
	}
	s.sender.Close()
	if err := s.buy(ctx, purchase{run: "c"}); !errors.Is(err, errBusy) {
		t.Errorf("%v, want busy: the message cannot be sent", err)
	}
	if left, err := s.client.do(ctx, "GET", s.stockKey()); left != "5" || err != nil {
		t.Errorf("%v, %v: the ticket did not come back", left, err)
	}
	if _, err := s.client.do(ctx, "SET", s.stockKey(), "49999999"); err != nil {
		t.Fatal(err)
	}
	if err := s.rest(ctx, 1); err != nil {
		t.Error(err)
	}
	if _, err := s.client.do(ctx, "INCR", s.stockKey()); err != nil {
		t.Fatal(err)
	}
	if err := s.rest(ctx, 1); err == nil {
		t.Error("the books hold with a ticket too many")
	}
}

// A message came twice and was counted as two orders.
func TestRedisShopCountsAnOrderOnce(t *testing.T) {
	s := newRedisShop(t)
	order := func(id string) event.Order { return event.Order{ID: id, ScreeningID: s.screeningID, BuyerID: id} }
	foreign := order("foreign")
	foreign.ScreeningID = "another slot's"
	for _, o := range []event.Order{order("a"), order("a"), order("b"), foreign} {
		if err := mq.Send(t.Context(), s.sender, benchQueued, o.ID, o); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), restTimeout)
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
	_, other := newRedis(t, "everysec", 1)
	address := other.address(t)
	_, err := tryRedis(t.Context(), t.TempDir(), address, "everysec")
	if err == nil || !strings.Contains(err.Error(), "Failed listening") {
		t.Errorf("%v, want what the server says of a port that is taken", err)
	}
	r := &rig{dir: t.TempDir()}
	if _, _, err := startRedis(t.Context(), r, "sometimes"); err == nil || len(r.closers) > 0 {
		t.Errorf("%v, want an error for a setting that Redis does not know", err)
	}
	if err := r.close(); err != nil {
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
func TestWithoutRedisItsSlotsAreLeftOut(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	b := newBench(t)
	b.only = []string{"core", redisGroup, redisAlways}
	var said bytes.Buffer
	if err := b.findRedis(&said); err != nil {
		t.Fatal(err)
	}
	if err := b.findRedis(&said); err != nil || strings.Count(said.String(), "\n") != 1 || len(b.only) != 1 {
		t.Errorf("%v, %q, left: %v", err, said.String(), b.only)
	}
	for _, s := range b.wanted() {
		if s.groups[0] == redisGroup {
			t.Errorf("%s is wanted", s.name)
		}
	}
}

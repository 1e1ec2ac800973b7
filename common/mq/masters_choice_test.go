package mq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptrace"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// choiceTest is a choice between two masters of four queues each, by a clock that the test sets.
type choiceTest struct {
	*masters
	at     time.Time
	queues []*primitive.MessageQueue
}

func newChoice() *choiceTest {
	c := &choiceTest{masters: newMasters(slog.New(slog.DiscardHandler), nil), at: time.UnixMilli(0)}
	c.now = func() time.Time { return c.at }
	for _, name := range []string{"m1", "m2"} {
		for id := range 4 {
			c.queues = append(c.queues, &primitive.MessageQueue{Topic: "t", BrokerName: name, QueueId: id})
		}
	}
	return c
}

// try begins a message's next try and tells where it goes; nowhere is empty.
func (c *choiceTest) try(tried *triedMasters) (t *masterTry, master string) {
	m := newMessage(context.Background(), namespace{}, "t", "k", nil)
	t = c.begin(m, tried)
	if queue := c.Select(m, c.queues, ""); queue != nil {
		master = queue.BrokerName
	}
	return t, master
}

// goTo sends eight messages, of which those at m1 end with err and those at m2 are taken, and counts them by master.
func (c *choiceTest) goTo(err error) (counts map[string]int) {
	counts = map[string]int{}
	for range 8 {
		t, master := c.try(&triedMasters{})
		counts[master]++
		if master == "m1" {
			c.end(t, err)
		} else {
			c.end(t, nil)
		}
	}
	return counts
}

func (c *choiceTest) want(t *testing.T, when string, err error, m1, m2 int) {
	t.Helper()
	if got := c.goTo(err); got["m1"] != m1 || got["m2"] != m2 {
		t.Errorf("%s: %v, want %d at m1 and %d at m2", when, got, m1, m2)
	}
}

// A master that fails is spared for a second, then for two, ... eight, with one message each time to see whether it takes
// messages again.
func TestFailingMasterIsSpared(t *testing.T) {
	c, refused := newChoice(), fmt.Errorf("refused: %w", ErrUnavailable)
	c.want(t, "at first", nil, 4, 4)
	c.want(t, "it begins to refuse", refused, 1, 7)
	c.want(t, "spared", refused, 0, 8)
	for _, pause := range []int{1, 2, 4, 8, 8, 8} {
		c.at = c.at.Add(time.Duration(pause)*time.Second - 1)
		c.want(t, fmt.Sprintf("just before %d s", pause), refused, 0, 8)
		c.at = c.at.Add(1)
		c.want(t, fmt.Sprintf("after %d s", pause), refused, 1, 7)
	}
	c.at = c.at.Add(8 * time.Second)
	if got := c.goTo(nil); got["m1"] < 4 {
		t.Errorf("it takes messages again: %v", got)
	}
	c.want(t, "as before", nil, 4, 4)
}

// What says nothing of the master does not spare it.
func TestMasterIsNotSparedForTheMessage(t *testing.T) {
	c := newChoice()
	c.want(t, "an illegal message", fmt.Errorf("%w: illegal", ErrNotSent), 4, 4)
	c.want(t, "a caller that has gone", context.Canceled, 4, 4)
}

// A master that is silent is spared before its message has ended, and an answer after that is no sign that it is well.
func TestSilentMasterIsSpared(t *testing.T) {
	c := newChoice()
	for {
		try, master := c.try(&triedMasters{})
		if master != "m1" {
			c.end(try, nil)
			continue
		}
		c.waited(try)
		c.want(t, "while it is silent", nil, 0, 8)
		c.end(try, nil)
		c.want(t, "after its late answer", nil, 0, 8)
		break
	}
}

// One message is offered to each master once, to one that is spared as well.
func TestMessageIsOfferedToEachMasterOnce(t *testing.T) {
	c, refused := newChoice(), fmt.Errorf("refused: %w", ErrUnavailable)
	for range 3 {
		tried := &triedMasters{}
		places := map[string]int{}
		for i := range 2 {
			if another := c.anotherThan(tried); another != (i == 1) {
				t.Errorf("before try %d there is another: %t", i+1, another)
			}
			try, master := c.try(tried)
			places[master]++
			c.end(try, refused)
		}
		if places["m1"] != 1 || places["m2"] != 1 || c.anotherThan(tried) {
			t.Errorf("offered to %v", places)
		}
		if _, master := c.try(tried); master != "" {
			t.Errorf("offered to %s again", master)
		}
	}
	if len(c.sending) != 3 { // the last of each, which has not ended
		t.Errorf("%d messages are remembered", len(c.sending))
	}
}

// While the client library connects to a master it sends to none, and whoever tried a machine that was off, each time its pause
// was over, held up the others. It is looked for beside the library, and gets a message when it can be reached.
func TestFailingMasterIsLookedForBeforeItIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, looked, refused := newChoice(), 0, fmt.Errorf("refused: %w", ErrUnavailable)
		off := errors.New("nobody answers")
		c.now = time.Now
		c.reach = func(_ context.Context, master string) error {
			if master != "m1" {
				t.Errorf("%s is looked for", master)
			}
			looked++
			time.Sleep(200 * time.Millisecond)
			return off
		}
		c.want(t, "it begins to fail", refused, 1, 7)
		for i, pause := range []time.Duration{1, 2, 4, 8, 8} {
			time.Sleep(pause * time.Second)
			c.want(t, "its pause is over", nil, 0, 8)
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			if looked != i+1 {
				t.Errorf("looked for %d times, want %d", looked, i+1)
			}
			c.want(t, "nobody answers", nil, 0, 8)
		}
		off = nil
		time.Sleep(8 * time.Second)
		c.want(t, "it is looked for", nil, 0, 8)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if got := c.goTo(nil); got["m1"] < 4 {
			t.Errorf("it can be reached: %v", got)
		}
	})
}

// A master that was well was blamed, and spared, for the time in which the client library was connecting to another one.
func TestMasterIsNotBlamedForAnothersConnection(t *testing.T) {
	c := newChoice()
	after := func(d time.Duration) { c.at = c.at.Add(d) }
	wait := func(when string, try *masterTry, want time.Duration) {
		t.Helper()
		if got := c.waited(try); got != want {
			t.Errorf("%s: to be waited for %v longer, want %v", when, got, want)
		}
	}
	atM2 := c.goesTo("m2")
	atM1 := c.goesTo("m1")
	dial := c.dial(t, atM1)
	dial.ConnectStart("tcp", "m1")
	after(masterPatience)
	wait("while another connects", atM2, masterPatience)
	wait("while it connects itself", atM1, 0)
	dial.ConnectDone("tcp", "m1", nil)
	after(masterPatience / 2)
	wait("half its time since", atM2, masterPatience/2)
	if c.failing["m1"] == nil || c.failing["m2"] != nil {
		t.Errorf("spared: %v", c.failing)
	}
	after(masterPatience / 2)
	wait("all its time", atM2, 0)
	if c.failing["m2"] == nil {
		t.Error("a silent master is not spared")
	}
}

// A message that had waited for another one's connection, and then made one of its own, was waited for no longer, and its master,
// which had had a moment, was blamed and spared.
func TestMasterIsNotBlamedForWhatCameBeforeItsConnection(t *testing.T) {
	c := newChoice()
	after := func(d time.Duration) { c.at = c.at.Add(d) }
	wait := func(when string, try *masterTry, want time.Duration) {
		t.Helper()
		if got := c.waited(try); got != want {
			t.Errorf("%s: to be waited for %v longer, want %v", when, got, want)
		}
	}
	first, behind := c.goesTo("m1"), c.goesTo("m2")
	firstDial, behindsDial := c.dial(t, first), c.dial(t, behind)
	firstDial.ConnectStart("tcp", "m1")
	after(200 * time.Millisecond)
	firstDial.ConnectDone("tcp", "m1", errors.New("refused"))
	behindsDial.ConnectStart("tcp", "m2")
	after(50 * time.Millisecond)
	wait("it connects for a fifth of its time", behind, 200*time.Millisecond)
	behindsDial.ConnectDone("tcp", "m2", nil)
	c.dial(t, c.goesTo("m2")).ConnectStart("tcp", "m2") // which it does not wait for
	after(150 * time.Millisecond)
	wait("an answer is missing", behind, 50*time.Millisecond)
	if c.failing["m2"] != nil {
		t.Error("the second master is spared")
	}
	after(50 * time.Millisecond)
	wait("all its time", behind, 0)
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

// Those behind a connection that failed do not make it again, one after the other.
func TestNobodyConnectsToAMasterThatCouldNotBeReached(t *testing.T) {
	c := newChoice()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	connect := func(try *masterTry, address string) error {
		ctx, free := c.boundDial(t.Context(), try.message)
		defer free()
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	first, behind, elsewhere := c.goesTo("m1"), c.goesTo("m1"), c.goesTo("m2")
	if err := connect(first, "127.0.0.1:1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("first connection: %v", err)
	}
	if err := connect(behind, listener.Addr().String()); err == nil {
		t.Error("connected behind a connection that has failed")
	}
	if err := connect(elsewhere, listener.Addr().String()); err != nil {
		t.Errorf("connect to another master: %v", err)
	}
	if err := connect(c.goesTo("m1"), listener.Addr().String()); err != nil {
		t.Errorf("connect for a message that chose the master later: %v", err)
	}
	if c.dials.running != 0 {
		t.Errorf("%d connections are being made", c.dials.running)
	}
}

// goesTo begins tries until one goes to a master.
func (c *choiceTest) goesTo(master string) *masterTry {
	for {
		if t, at := c.try(&triedMasters{}); at == master {
			return t
		}
	}
}

// Whoever had to wait for a machine that is off, and then to be sure of it, must have time left for another master.
func TestConnectionLeavesTimeForAnotherMaster(t *testing.T) {
	if dialTimeout+masterPatience >= HalfTimeout {
		t.Errorf("%v to connect and %v to wait leave nothing of %v", dialTimeout, masterPatience, HalfTimeout)
	}
}

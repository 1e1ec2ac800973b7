package mq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// wantWait says that a try has been waited for long enough, and checks for how much longer it is to be waited for all the same.
func (c *choiceTest) wantWait(t *testing.T, when string, try *masterTry, want time.Duration) {
	t.Helper()
	if got := c.waited(try); got != want {
		t.Errorf("%s: to be waited for %v longer, want %v", when, got, want)
	}
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

// goesTo begins tries until one goes to a master.
func (c *choiceTest) goesTo(master string) *masterTry {
	for {
		if t, at := c.try(&triedMasters{}); at == master {
			return t
		}
	}
}

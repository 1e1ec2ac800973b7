package broker

import (
	"testing"
	"time"

	"boxoffice/broker/remoting"
)

func (cs *connections) first(t *testing.T) *conn {
	t.Helper()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open {
		return c
	}
	t.Fatal("no connection")
	return nil
}

// A client that asks and never reads must not make the broker keep all the
// answers in memory: its connection is not read further until it has drained.
func TestClientThatDoesNotReadIsHeldBack(t *testing.T) {
	b := RunT(t, WithNoSync())
	deaf := dial(t, b)
	deaf.send(remoting.SendMessage, sendFields, string(make([]byte, 1<<20)))
	deaf.read()
	const pulls = 250 // of 1 MiB, more than what closes a connection
	for range pulls {
		deaf.send(remoting.PullMessage, "consumerGroup=g topic=t queueId=0 queueOffset=0 maxMsgNums=1 sysFlag=4 subscription=*", "")
	}
	c := b.conns.first(t)
	queued := func() (bytes int, closed bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.outBytes, c.closed
	}
	deadline := time.Now().Add(20 * time.Second)
	for n, closed := queued(); n < maxQueuedBytes && !closed; n, closed = queued() {
		if time.Now().After(deadline) {
			t.Fatalf("only %d bytes queued", n)
		}
		time.Sleep(time.Millisecond)
	}
	if n, closed := queued(); closed || n > maxQueuedBytes+2<<20 {
		t.Fatalf("%d bytes queued, closed %v; the limit is %d", n, closed, maxQueuedBytes)
	}
	// Others are served meanwhile, and the deaf one's requests stay unread.
	other := dial(t, b)
	handled := int64(-1)
	for n := b.Stats().Frames[remoting.PullMessage]; n != handled; n = b.Stats().Frames[remoting.PullMessage] {
		handled = n
		for range 1000 {
			other.send(remoting.GetMaxOffset, "topic=t queueId=0", "")
			if f := other.read(); f.Ext["offset"] != "1" {
				t.Errorf("answer %v", f.Ext)
			}
		}
	}
	if handled == pulls {
		t.Errorf("all %d pulls were handled although no answer was read", handled)
	}
	// And when it reads, it gets everything.
	for range pulls {
		if f := deaf.read(); f.Code != remoting.Success {
			t.Fatalf("answer %d %s", f.Code, f.Remark)
		}
	}
}

// A message that became visible after the pull looked at the queue and before
// it was held woke nobody, and the pull slept over it until its time was up.
func TestPullHeldTooLateIsAnsweredAtOnce(t *testing.T) {
	b := RunT(t)
	client := dial(t, b)
	client.send(remoting.SendMessage, sendFields, "x")
	client.read()
	c := b.conns.first(t)
	frame := &remoting.Frame{Code: remoting.PullMessage, Opaque: 77}
	b.polls.hold(&pull{
		call: b.start(c, frame, Pass), queue: b.topics.queue("t", 0), count: 32, commit: -1,
		filter: tagFilter{all: true}, suspend: time.Hour,
	})
	if f := client.read(); f.Opaque != 77 || f.Code != remoting.Success {
		t.Errorf("answer %d to %d", f.Code, f.Opaque)
	}
}

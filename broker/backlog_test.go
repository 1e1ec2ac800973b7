package broker

import (
	"testing"
	"time"

	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// awaitFrames waits until a request of the code has come.
func awaitFrames(t *testing.T, b *Broker, code int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); b.Stats().Frames[code] == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no request %d has come", code)
		}
	}
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
	// Others are served meanwhile, and the deaf one's requests stay unread.
	other := dial(t, b)
	awaitFrames(t, b, remoting.PullMessage)
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
	const kept = 100 // of 1 MiB, more than a connection queues and the sockets buffer
	if handled > kept {
		t.Errorf("%d of %d pulls were handled although no answer was read", handled, pulls)
	}
	// And when it reads, it gets everything: it was not cut off.
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
	c := b.conns.All()[0]
	frame := &remoting.Frame{Code: remoting.PullMessage, Opaque: 77}
	b.polls.hold(&pull{
		call: transport.NewCall(c, frame, transport.Answered), queue: b.store.Topics.Queue("t", 0), count: 32, commit: -1,
		filter: remoting.Tags{All: true}, deadline: time.Now().Add(time.Hour),
	}, 0)
	if f := client.read(); f.Opaque != 77 || f.Code != remoting.Success {
		t.Errorf("answer %d to %d", f.Code, f.Opaque)
	}
}

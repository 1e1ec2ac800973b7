package broker_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

// verdict installs an interceptor that always decides the same.
func verdict(t *testing.T, b *broker.Broker, code int, v broker.Verdict) (seen chan *broker.Request) {
	t.Helper()
	seen = make(chan *broker.Request, 64)
	t.Cleanup(b.Intercept(code, func(r *broker.Request) broker.Verdict {
		seen <- r
		return v
	}))
	return seen
}

func TestInterceptSeesTheRequest(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	seen := verdict(t, b, remoting.SendMessage, broker.Pass)
	m := primitive.NewMessage("t", []byte("body")).WithTag("red")
	send(t, newProducer(t, b), m)
	r := <-seen
	if r.Code != 10 || r.Topic() != "t" || r.Property("TAGS") != "red" || string(r.Body) != "body" || r.Outgoing {
		t.Errorf("request: %+v", r)
	}
}

func TestInterceptFail(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	verdict(t, b, remoting.SendMessage, broker.Fail(remoting.ServiceNotAvailable, "on purpose"))
	if _, err := newProducer(t, b).SendSync(context.Background(), primitive.NewMessage("t", []byte("x"))); err == nil {
		t.Error("the send succeeded")
	}
	if n := len(b.Messages("t")); n != 0 {
		t.Errorf("%d messages stored", n)
	}
}

func TestInterceptDropAndDropReply(t *testing.T) {
	for _, c := range []struct {
		name    string
		verdict broker.Verdict
		stored  int
	}{{"Drop", broker.Drop, 0}, {"DropReply", broker.DropReply, 1}} {
		t.Run(c.name, func(t *testing.T) {
			b := broker.RunT(t)
			newTopic(t, b, "t", 1)
			verdict(t, b, remoting.SendMessage, c.verdict)
			w := newWire(t, b)
			lost := w.send(remoting.SendMessage, sendExt("t", nil), []byte("x"))
			next := w.send(remoting.GetMaxOffset, map[string]string{"topic": "t", "queueId": "0"}, nil)
			if f := w.next(); f.Opaque != next {
				t.Fatalf("answer to request %d, want %d: request %d must get none", f.Opaque, next, lost)
			}
			eventually(t, "the effect", func() bool { return len(b.Messages("t")) == c.stored })
		})
	}
}

func TestInterceptCut(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	verdict(t, b, remoting.SendMessage, broker.Cut)
	w := newWire(t, b)
	w.send(remoting.SendMessage, sendExt("t", nil), []byte("x"))
	if _, err := w.frames.Read(); err == nil {
		t.Error("the connection lives on")
	}
	if n := len(b.Messages("t")); n != 1 {
		t.Errorf("%d messages stored, want 1", n)
	}
}

func TestInterceptTwice(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	verdict(t, b, remoting.SendMessage, broker.Twice)
	send(t, newProducer(t, b), primitive.NewMessage("t", []byte("x")))
	eventually(t, "both messages", func() bool { return len(b.Messages("t")) == 2 })
}

func TestInterceptHold(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	release := make(chan struct{})
	verdict(t, b, remoting.SendMessage, broker.Hold(release))
	w := newWire(t, b)
	held := w.send(remoting.SendMessage, sendExt("t", nil), []byte("x"))
	w.mustAsk(remoting.GetMaxOffset, map[string]string{"topic": "t", "queueId": "0"}, nil)
	if n := len(b.Messages("t")); n != 0 {
		t.Fatalf("%d messages stored while held", n)
	}
	close(release)
	if f := w.next(); f.Opaque != held || f.Code != remoting.Success {
		t.Errorf("answer %d to %d", f.Code, f.Opaque)
	}
}

func TestInterceptCanBeRemoved(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	remove := b.Intercept(remoting.SendMessage, func(*broker.Request) broker.Verdict { return broker.Fail(broker.SystemError, "no") })
	remove()
	newWire(t, b).mustAsk(remoting.SendMessage, sendExt("t", nil), []byte("x"))
}

func TestInterceptLosesACheck(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	w := newWire(t, b)
	w.heartbeat("client", []string{"sellers"}, nil)
	w.sendHalf("t", "sellers", "open", nil)
	remove := b.Intercept(remoting.CheckTransactionState, func(r *broker.Request) broker.Verdict {
		if !r.Outgoing {
			t.Error("a check is not marked as outgoing")
		}
		return broker.Drop
	})
	b.Advance(31 * time.Second)
	remove()
	verdict(t, b, remoting.CheckTransactionState, broker.Twice)
	b.Advance(31 * time.Second)
	for range 2 {
		m := decode(t, w.next().Body)[0]
		if n, _ := remoting.Property(m.Properties, "TRANSACTION_CHECK_TIMES"); n != "2" {
			t.Errorf("check number %s, want the second, twice", n)
		}
	}
}

func TestDeliverTwice(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	b.DeliverTwice(true)
	w := newWire(t, b)
	w.mustAsk(remoting.SendMessage, sendExt("t", nil), []byte("a"))
	w.mustAsk(remoting.SendMessage, sendExt("t", nil), []byte("b"))
	f := w.mustAsk(remoting.PullMessage, pullExt("g", "t", 0, 0), nil)
	var got string
	for _, m := range decode(t, f.Body) {
		got += string(m.Body)
	}
	if got != "abab" || f.Ext["nextBeginOffset"] != "2" {
		t.Errorf("pulled %q, next %s", got, f.Ext["nextBeginOffset"])
	}
}

func TestDropConnections(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	p := newProducer(t, b)
	send(t, p, primitive.NewMessage("t", []byte("before")))
	w := newWire(t, b)
	w.mustAsk(remoting.GetMaxOffset, map[string]string{"topic": "t", "queueId": "0"}, nil)
	b.DropConnections()
	if _, err := w.frames.Read(); err == nil {
		t.Error("the connection lives on")
	}
	eventually(t, "the client to reconnect", func() bool {
		_, err := p.SendSync(context.Background(), primitive.NewMessage("t", []byte("after")))
		return err == nil
	})
}

func TestClockIsReadFromTheOption(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	b := broker.RunT(t, broker.WithClock(fixedClock(at)))
	newTopic(t, b, "t", 1)
	b.Advance(time.Hour)
	newWire(t, b).mustAsk(remoting.SendMessage, sendExt("t", nil), []byte("x"))
	if got := b.Messages("t")[0].StoredAt; !got.Equal(at.Add(time.Hour)) {
		t.Errorf("stored at %s, want %s", got, at.Add(time.Hour))
	}
}

type fixedClock time.Time

func (c fixedClock) Now() time.Time { return time.Time(c) }

func TestCloseStopsEverything(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	w := newWire(t, b)
	verdict(t, b, remoting.SendMessage, broker.Hold(make(chan struct{})))
	w.send(remoting.SendMessage, sendExt("t", nil), []byte("held for ever"))
	w.send(remoting.PullMessage, pullExt("g", "t", 0, 30*time.Second), nil)
	w.mustAsk(remoting.GetMaxOffset, map[string]string{"topic": "t", "queueId": "0"}, nil)
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if f, err := w.frames.Read(); err == nil {
		t.Errorf("the connection lives on: %+v", f)
	}
	if c, err := net.Dial("tcp", b.Addr()); err == nil {
		_ = c.Close()
		t.Error("the port still accepts")
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := goroutines("boxoffice/broker")
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	w := newWire(t, b)
	w.send(remoting.PullMessage, pullExt("g", "t", 0, 30*time.Second), nil)
	w.mustAsk(remoting.GetMaxOffset, map[string]string{"topic": "t", "queueId": "0"}, nil)
	if goroutines("boxoffice/broker") <= before {
		t.Fatal("the test does not see the broker's goroutines")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	// Close has waited for each of them; the last instructions may still run.
	eventually(t, "goroutines to end", func() bool { return goroutines("boxoffice/broker") <= before })
}

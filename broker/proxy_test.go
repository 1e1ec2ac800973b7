package broker_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

// dialProxy is a wire through a proxy, to the broker's port as the proxy's own nameserver names it.
func dialProxy(t *testing.T, p *broker.Proxy, topic string) *wire {
	t.Helper()
	dial := func(addr string) *wire {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("dial proxy: %v", err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return &wire{t: t, conn: conn, frames: remoting.NewReader(conn)}
	}
	var route struct {
		BrokerDatas []struct{ BrokerAddrs map[string]string }
	}
	answer := dial(p.Addr()).mustAsk(remoting.GetRouteInfoByTopic, map[string]string{"topic": topic}, nil)
	if err := json.Unmarshal(answer.Body, &route); err != nil || len(route.BrokerDatas) != 1 {
		t.Fatalf("route %s: %v", answer.Body, err)
	}
	return dial(route.BrokerDatas[0].BrokerAddrs["0"])
}

func newProxy(t *testing.T) (*broker.Broker, *broker.Proxy, *wire) {
	t.Helper()
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	p := broker.RunProxyT(t, b.Addr())
	return b, p, dialProxy(t, p, "t")
}

func TestProxyPassesOnAndIsSeenByNobody(t *testing.T) {
	b, p, w := newProxy(t)
	var seen []string
	p.Intercept(remoting.SendMessage, func(r *broker.Request) broker.Verdict {
		seen = append(seen, r.Topic()+" "+r.Property("TAGS")+" "+string(r.Body))
		return broker.Pass
	})
	w.mustAsk(remoting.SendMessage, sendExt("t", map[string]string{"TAGS": "red"}), []byte("x"))
	if !slices.Equal(seen, []string{"t red x"}) {
		t.Errorf("seen %q", seen)
	}
	if got := bodies(b, "t"); !slices.Equal(got, []string{"x"}) {
		t.Errorf("stored %q", got)
	}
	if w.conn.RemoteAddr().String() == b.Addr() {
		t.Error("the route leads past the proxy")
	}
}

func TestProxyVerdicts(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	for _, c := range []struct {
		name     string
		verdict  broker.Verdict
		stored   int
		answered bool
		code     int
	}{
		{"Pass", broker.Pass, 1, true, remoting.Success}, {"Drop", broker.Drop, 0, false, 0}, {"DropReply", broker.DropReply, 1, false, 0},
		{"Twice", broker.Twice, 2, true, remoting.Success}, {"Fail", broker.Fail(remoting.ServiceNotAvailable, "on purpose"), 0,
			true, remoting.ServiceNotAvailable},
		{"Hold", broker.Hold(release), 0, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, p, w := newProxy(t)
			p.Intercept(remoting.SendMessage, func(*broker.Request) broker.Verdict { return c.verdict })
			sent := w.send(remoting.SendMessage, sendExt("t", nil), []byte("x"))
			if c.answered {
				if f := w.next(); f.Opaque != sent || f.Code != c.code {
					t.Errorf("answer %d %q to request %d, want %d to %d", f.Code, f.Remark, f.Opaque, c.code, sent)
				}
			}
			next := w.send(remoting.GetMaxOffset, map[string]string{"topic": "t", "queueId": "0"}, nil)
			if f := w.next(); f.Opaque != next {
				t.Errorf("answer to request %d, want %d", f.Opaque, next)
			}
			eventually(t, "the effect", func() bool { return len(b.Messages("t")) == c.stored })
		})
	}
}

func TestProxyReleasesWhatItHolds(t *testing.T) {
	b, p, w := newProxy(t)
	release := make(chan struct{})
	p.Intercept(remoting.SendMessage, func(*broker.Request) broker.Verdict { return broker.Hold(release) })
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

func TestProxyCuts(t *testing.T) {
	b, p, w := newProxy(t)
	p.Intercept(remoting.SendMessage, func(*broker.Request) broker.Verdict { return broker.Cut })
	w.send(remoting.SendMessage, sendExt("t", nil), []byte("x"))
	if _, err := w.frames.Read(); err == nil {
		t.Error("the connection lives on")
	}
	eventually(t, "the effect", func() bool { return len(b.Messages("t")) == 1 })
}

func TestProxyLosesAndRepeatsAPush(t *testing.T) {
	b, p, w := newProxy(t)
	w.heartbeat("client", []string{"sellers"}, nil)
	w.sendHalf("t", "sellers", "open", nil)
	var lost atomic.Bool
	remove := p.Intercept(remoting.CheckTransactionState, func(r *broker.Request) broker.Verdict {
		if !r.Outgoing {
			t.Error("a check is not marked as outgoing")
		}
		lost.Store(true)
		return broker.Drop
	})
	b.Advance(31 * time.Second)
	eventually(t, "a lost check", lost.Load)
	remove()
	p.Intercept(remoting.CheckTransactionState, func(*broker.Request) broker.Verdict { return broker.Twice })
	b.Advance(31 * time.Second)
	for range 2 {
		m := decode(t, w.next().Body)[0]
		if n, _ := remoting.Property(m.Properties, "TRANSACTION_CHECK_TIMES"); n != "2" {
			t.Errorf("check number %s, want the second, twice", n)
		}
	}
}

// A consumer that shuts down sends its offsets and closes. The proxy closed the other side as soon as it saw that, and the
// offsets were lost with what it had not yet passed on: the group got again what it had acknowledged.
func TestProxyPassesOnWhatAClientSendsLast(t *testing.T) {
	const last = 200
	b, _, w := newProxy(t)
	var raw []byte
	for range last {
		f := remoting.NewRequest(remoting.SendMessage, sendExt("t", nil))
		f.Flag, f.Body = 2, []byte("x") // one-way: an answer that nobody reads would reset the connection
		var err error
		if raw, err = remoting.AppendFrame(raw, f); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.conn.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := w.conn.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); len(b.Messages("t")) < last; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d messages have arrived", len(b.Messages("t")), last)
		}
	}
}

func TestProxyDeliversTwice(t *testing.T) {
	_, p, w := newProxy(t)
	p.DeliverTwice(true)
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

// A server that is away is told by closing, not by silence.
func TestProxyToNobodyCloses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", broker.RunProxyT(t, l.Addr().String()).Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(waitLimit)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("read: %v, want the connection closed", err)
	}
}

// The unmodified client works through a proxy, and is cut off from it like from a broker.
func TestClientGoesThroughTheProxy(t *testing.T) {
	servers := os.Getenv("BOXOFFICE_TEST_NAMESRV") // or a real nameserver, which writes maps with bare numbers for keys
	topic := "SELF_TEST_TOPIC"                     // every RocketMQ broker has it
	if servers == "" {
		b := broker.RunT(t)
		topic = "t"
		newTopic(t, b, topic, 1)
		servers = b.Addr()
	}
	p := broker.RunProxyT(t, strings.Split(servers, ";")[0])
	var sent atomic.Int64
	p.Intercept(remoting.SendMessage, func(*broker.Request) broker.Verdict {
		sent.Add(1)
		return broker.Fail(remoting.MessageIllegal, "stopped by the proxy")
	})
	sender, err := rocketmq.NewProducer(
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{p.Addr()})), producer.WithGroupName("through-the-proxy"),
		producer.WithInstanceName(newInstance("proxied")), producer.WithRetry(0),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sender.Shutdown() }()
	for want := int64(1); want <= 2; want++ {
		eventually(t, "a send that the proxy stops", func() bool {
			_, err := sender.SendSync(context.Background(), primitive.NewMessage(topic, []byte("x")))
			return err != nil && strings.Contains(err.Error(), "stopped by the proxy")
		})
		if sent.Load() != want {
			t.Fatalf("%d sends through the proxy, want %d", sent.Load(), want)
		}
		p.DropConnections()
	}
}

package broker_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

// goroutines counts those whose stack names a function of this prefix as
// their entry.
func goroutines(prefix string) int {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	n := 0
	for stack := range bytes.SplitSeq(buf, []byte("\n\n")) {
		if i := bytes.Index(stack, []byte("created by "+prefix)); i >= 0 {
			n++
		}
	}
	return n
}

func consumerList(t *testing.T, w *wire, group string) []string {
	t.Helper()
	f := w.ask(remoting.GetConsumerListByGroup, map[string]string{"consumerGroup": group}, nil)
	if f.Code != remoting.Success {
		return nil
	}
	var body struct {
		List []string `json:"consumerIdList"`
	}
	if err := json.Unmarshal(f.Body, &body); err != nil {
		t.Fatalf("decode consumer list: %v", err)
	}
	return body.List
}

func TestMembersAreToldOfChanges(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	one, two := newWire(t, b), newWire(t, b)
	told := func(w *wire, what string) {
		t.Helper()
		if f := w.next(); f.Code != remoting.NotifyConsumerIDsChanged || !f.IsOneWay() || f.Ext["consumerGroup"] != "readers" {
			t.Fatalf("%s: frame %d %v", what, f.Code, f.Ext)
		}
	}
	subs := map[string][]string{"readers": {"t"}}
	one.heartbeat("one", nil, subs)
	if got := consumerList(t, one, "readers"); !slices.Equal(got, []string{"one"}) {
		t.Errorf("consumers %q", got)
	}
	two.heartbeat("two", nil, subs)
	told(one, "second member joined")
	one.heartbeat("one", nil, map[string][]string{"readers": {"t", "u"}})
	told(two, "subscription changed")
	two.heartbeat("two", nil, map[string][]string{"readers": {"t", "u"}})
	if got := consumerList(t, two, "readers"); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("consumers %q", got)
	}
	// An unchanged heartbeat tells nobody: the next frame is about the leave.
	one.heartbeat("one", nil, map[string][]string{"readers": {"t", "u"}})
	if err := two.conn.Close(); err != nil {
		t.Fatal(err)
	}
	told(one, "member left")
	if got := consumerList(t, one, "readers"); !slices.Equal(got, []string{"one"}) {
		t.Errorf("consumers %q", got)
	}
	one.mustAsk(remoting.UnregisterClient, map[string]string{"clientID": "one", "consumerGroup": "readers"}, nil)
	if got := consumerList(t, one, "readers"); got != nil {
		t.Errorf("consumers %q after all have left", got)
	}
}

func TestHeartbeatCreatesTheRetryTopic(t *testing.T) {
	b := broker.RunT(t, broker.WithAutoCreateTopics(false))
	w := newWire(t, b)
	route := func(topic string) *remoting.Frame {
		return w.ask(remoting.GetRouteInfoByTopic, map[string]string{"topic": topic}, nil)
	}
	if f := route("%RETRY%readers"); f.Code != remoting.TopicNotExist {
		t.Fatalf("route before the heartbeat: answer %d", f.Code)
	}
	w.heartbeat("one", nil, map[string][]string{"readers": {"t"}})
	f := route("%RETRY%readers")
	if f.Code != remoting.Success || !strings.Contains(string(f.Body), b.Addr()) || !strings.Contains(string(f.Body), `"readQueueNums":1`) {
		t.Errorf("route: answer %d %s", f.Code, f.Body)
	}
	if f := route("TBW102"); f.Code != remoting.TopicNotExist {
		t.Errorf("route of TBW102 without auto-create: answer %d", f.Code)
	}
}

func TestLocksBelongToOneClient(t *testing.T) {
	w := newWire(t, broker.RunT(t))
	ask := func(code int, client string, queues ...int) int {
		t.Helper()
		var set []map[string]any
		for _, q := range queues {
			set = append(set, map[string]any{"topic": "t", "brokerName": "broker-a", "queueId": q})
		}
		raw, err := json.Marshal(map[string]any{"consumerGroup": "g", "clientId": client, "mqSet": set})
		if err != nil {
			t.Fatal(err)
		}
		f := w.mustAsk(code, nil, raw)
		var body struct {
			Owned []any `json:"lockOKMQSet"`
		}
		if len(f.Body) > 0 {
			if err := json.Unmarshal(f.Body, &body); err != nil {
				t.Fatal(err)
			}
		}
		return len(body.Owned)
	}
	if n := ask(remoting.LockBatchMQ, "one", 0, 1); n != 2 {
		t.Errorf("first client owns %d, want 2", n)
	}
	if n := ask(remoting.LockBatchMQ, "two", 1, 2); n != 1 {
		t.Errorf("second client owns %d, want 1", n)
	}
	ask(remoting.UnlockBatchMQ, "two", 0)
	if n := ask(remoting.LockBatchMQ, "two", 0); n != 0 {
		t.Error("a client has unlocked the queue of another")
	}
	ask(remoting.UnlockBatchMQ, "one", 0)
	if n := ask(remoting.LockBatchMQ, "two", 0); n != 1 {
		t.Error("a free queue was not locked")
	}
}

func sendBackExt(sent *remoting.Frame, level, limit int) map[string]string {
	_, offset, _ := remoting.ParseMessageID(sent.Ext["msgId"])
	return map[string]string{
		"group": "readers", "offset": fmt.Sprint(offset), "delayLevel": fmt.Sprint(level),
		"originMsgId": "x", "originTopic": "t", "unitMode": "false", "maxReconsumeTimes": fmt.Sprint(limit),
	}
}

func TestSendBackRetriesAndThenGivesUp(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	w := newWire(t, b)
	sent := w.mustAsk(remoting.SendMessage, sendExt("t", map[string]string{"TAGS": "red"}), []byte("bad"))
	first := sent.Ext["msgId"]
	// Levels 3, 4, ... are 10 s, 30 s, ...
	for n, delay := range []time.Duration{10 * time.Second, 30 * time.Second} {
		w.mustAsk(remoting.ConsumerSendMsgBack, sendBackExt(sent, 0, 2), nil)
		b.Advance(delay - 2*time.Second)
		if got := len(b.Messages("%RETRY%readers")); got != n {
			t.Fatalf("retry %d came too early", n+1)
		}
		b.Advance(3 * time.Second)
		list := b.Messages("%RETRY%readers")
		if len(list) != n+1 {
			t.Fatalf("%d retries, want %d", len(list), n+1)
		}
		m := list[n]
		if int(m.ReconsumeTimes) != n+1 || m.Properties["RETRY_TOPIC"] != "t" || m.Properties["ORIGIN_MESSAGE_ID"] != first ||
			m.Properties["TAGS"] != "red" || string(m.Body) != "bad" {
			t.Errorf("retry %d: %+v", n+1, m)
		}
		sent = &remoting.Frame{Ext: map[string]string{"msgId": m.ID}}
	}
	w.mustAsk(remoting.ConsumerSendMsgBack, sendBackExt(sent, 0, 2), nil)
	dead := b.Messages("%DLQ%readers")
	if len(dead) != 1 || dead[0].ReconsumeTimes != 3 || dead[0].Properties["RETRY_TOPIC"] != "t" {
		t.Fatalf("dead letters: %+v", dead)
	}
	if n := b.PendingDelays(); n != 0 {
		t.Errorf("%d more retries", n)
	}
}

func TestSendBackToTheDeadLettersAtOnce(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	w := newWire(t, b)
	sent := w.mustAsk(remoting.SendMessage, sendExt("t", nil), []byte("bad"))
	w.mustAsk(remoting.ConsumerSendMsgBack, sendBackExt(sent, -1, 16), nil)
	if got := bodies(b, "%DLQ%readers"); len(got) != 1 {
		t.Errorf("dead letters: %q", got)
	}
	nothing := sendBackExt(sent, 0, 16)
	nothing["offset"] = "999999"
	if f := w.ask(remoting.ConsumerSendMsgBack, nothing, nil); f.Code != remoting.SystemError {
		t.Errorf("message that is not there: answer %d", f.Code)
	}
}

package broker_test

import (
	"encoding/json"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

// wire is a client that speaks single frames, for what the real client cannot
// be made to do.
type wire struct {
	t      testing.TB
	conn   net.Conn
	frames *remoting.Reader
	opaque atomic.Int32
}

func newWire(t testing.TB, b *broker.Broker) *wire {
	t.Helper()
	return dialWire(t, b.Addr())
}

func dialWire(t testing.TB, addr string) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("dial broker: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &wire{t: t, conn: conn, frames: remoting.NewReader(conn)}
}

func (w *wire) send(code int, ext map[string]string, body []byte) int32 {
	w.t.Helper()
	f := remoting.NewRequest(code, ext)
	f.Opaque, f.Body = w.opaque.Add(1), body
	raw, err := remoting.AppendFrame(nil, f)
	if err != nil {
		w.t.Fatalf("encode frame: %v", err)
	}
	if _, err := w.conn.Write(raw); err != nil {
		w.t.Fatalf("write frame: %v", err)
	}
	return f.Opaque
}

// next reads one frame, whatever it is.
func (w *wire) next() *remoting.Frame {
	w.t.Helper()
	if err := w.conn.SetReadDeadline(time.Now().Add(waitLimit)); err != nil {
		w.t.Fatalf("set deadline: %v", err)
	}
	f, err := w.frames.Read()
	if err != nil {
		w.t.Fatalf("read frame: %v", err)
	}
	return f
}

// ask sends a request and returns its answer; other frames in between are skipped.
func (w *wire) ask(code int, ext map[string]string, body []byte) *remoting.Frame {
	w.t.Helper()
	opaque := w.send(code, ext, body)
	for {
		if f := w.next(); f.IsResponse() && f.Opaque == opaque {
			return f
		}
	}
}

// await returns the next request of the broker's own that has this code.
func (w *wire) await(code int) *remoting.Frame {
	w.t.Helper()
	for {
		if f := w.next(); f.Code == code && !f.IsResponse() {
			return f
		}
	}
}

// mustAsk is ask for a request that has to succeed.
func (w *wire) mustAsk(code int, ext map[string]string, body []byte) *remoting.Frame {
	w.t.Helper()
	f := w.ask(code, ext, body)
	if f.Code != remoting.Success {
		w.t.Fatalf("request %d: answer %d %q", code, f.Code, f.Remark)
	}
	return f
}

func sendExt(topic string, properties map[string]string) map[string]string {
	encoded := ""
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		encoded = remoting.SetProperty(encoded, key, properties[key])
	}
	return map[string]string{
		"producerGroup": "raw-producers", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "4",
		"queueId": "0", "sysFlag": "0", "bornTimestamp": strconv.FormatInt(time.Now().UnixMilli(), 10), "flag": "0",
		"properties": encoded, "reconsumeTimes": "0", "batch": "false",
	}
}

// sendHalf stores a half message and returns the answer to it.
func (w *wire) sendHalf(topic, group, body string, more map[string]string) *remoting.Frame {
	w.t.Helper()
	properties := map[string]string{"TRAN_MSG": "true", "PGROUP": group, "UNIQ_KEY": "key-" + body}
	for k, v := range more {
		properties[k] = v
	}
	ext := sendExt(topic, properties)
	ext["sysFlag"] = "4"
	return w.mustAsk(remoting.SendMessage, ext, []byte(body))
}

// endExt is an END_TRANSACTION for the half message that sent answered.
func endExt(t testing.TB, group string, sent *remoting.Frame, decision int) map[string]string {
	t.Helper()
	_, offset, err := remoting.ParseMessageID(sent.Ext["msgId"])
	if err != nil {
		t.Fatalf("parse message id: %v", err)
	}
	return map[string]string{
		"producerGroup": group, "tranStateTableOffset": sent.Ext["queueOffset"],
		"commitLogOffset": strconv.FormatInt(offset, 10), "commitOrRollback": strconv.Itoa(decision),
		"fromTransactionCheck": "false", "msgId": sent.Ext["transactionId"], "transactionId": sent.Ext["transactionId"],
	}
}

// heartbeat registers producer and consumer groups.
func (w *wire) heartbeat(client string, producers []string, consumers map[string][]string) {
	w.t.Helper()
	body := map[string]any{"clientID": client}
	ps, cs := []map[string]any{}, []map[string]any{} // null makes the real broker throw
	for _, g := range producers {
		ps = append(ps, map[string]any{"groupName": g})
	}
	for g, topics := range consumers {
		subs := []map[string]any{}
		for _, topic := range topics {
			subs = append(subs, map[string]any{"topic": topic, "subString": "*", "subVersion": 1, "expressionType": "TAG"})
		}
		cs = append(cs, map[string]any{
			"groupName": g, "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING",
			"consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET", "subscriptionDataSet": subs,
		})
	}
	body["producerDataSet"], body["consumerDataSet"] = ps, cs
	raw, err := json.Marshal(body)
	if err != nil {
		w.t.Fatalf("encode heartbeat: %v", err)
	}
	w.mustAsk(remoting.HeartBeat, nil, raw)
}

func pullExt(group, topic string, offset int64, suspend time.Duration) map[string]string {
	return map[string]string{
		"consumerGroup": group, "topic": topic, "queueId": "0", "queueOffset": strconv.FormatInt(offset, 10),
		"maxMsgNums": "32", "sysFlag": "6", "commitOffset": "0", "subscription": "*", "subVersion": "0",
		"suspendTimeoutMillis": strconv.FormatInt(suspend.Milliseconds(), 10), "expressionType": "TAG",
	}
}

// decode reads the messages of a pull's body.
func decode(t testing.TB, body []byte) []remoting.Message {
	t.Helper()
	var list []remoting.Message
	for len(body) > 0 {
		m, n, err := remoting.DecodeMessage(body)
		if err != nil {
			t.Fatalf("decode message: %v", err)
		}
		list = append(list, m)
		body = body[n:]
	}
	return list
}

package broker_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"boxoffice/broker/remoting"
)

func TestConformanceMembersOfAGroup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("members", 1), s.name("readers")
	one, two := s.wire(), s.wire()
	told := func(w *wire) {
		t.Helper()
		if f := w.await(remoting.NotifyConsumerIDsChanged); f.Ext["consumerGroup"] != group || !f.IsOneWay() {
			t.Fatalf("notice %d %v", f.Flag, f.Ext)
		}
	}
	list := func(want ...string) {
		t.Helper()
		var got []string
		eventually(t, "list of consumers", func() bool {
			got = consumerList(t, s.reading, group)
			slices.Sort(got)
			return slices.Equal(got, want)
		})
	}
	list()
	subscription := map[string][]string{group: {topic}}
	one.heartbeat("one", nil, subscription)
	list("one")
	two.heartbeat("two", nil, subscription)
	told(one)
	list("one", "two")
	if err := two.conn.Close(); err != nil {
		t.Fatal(err)
	}
	told(one)
	list("one")
	one.mustAsk(remoting.UnregisterClient, map[string]string{"clientID": "one", "consumerGroup": group}, nil)
	list()
}

func lockBody(t testing.TB, group, client, topic, broker string, queues ...int) []byte {
	t.Helper()
	var set []map[string]any
	for _, q := range queues {
		set = append(set, map[string]any{"topic": topic, "brokerName": broker, "queueId": q})
	}
	raw, err := json.Marshal(map[string]any{"consumerGroup": group, "clientId": client, "mqSet": set})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestConformanceLocks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("locks", 4), s.name("readers")
	ask := func(code int, client string, queues ...int) []int {
		t.Helper()
		f := s.reading.mustAsk(code, nil, lockBody(t, group, client, topic, s.broker, queues...))
		var body struct {
			Owned []struct{ QueueID int } `json:"lockOKMQSet"`
		}
		if len(f.Body) > 0 {
			if err := json.Unmarshal(f.Body, &body); err != nil {
				t.Fatal(err)
			}
		}
		var owned []int
		for _, q := range body.Owned {
			owned = append(owned, q.QueueID)
		}
		slices.Sort(owned)
		return owned
	}
	expect := func(got []int, want ...int) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("owned %v, want %v", got, want)
		}
	}
	expect(ask(remoting.LockBatchMQ, "one", 0, 1), 0, 1)
	expect(ask(remoting.LockBatchMQ, "two", 1, 2), 2)
	expect(ask(remoting.LockBatchMQ, "one", 1), 1)
	ask(remoting.UnlockBatchMQ, "two", 0)
	expect(ask(remoting.LockBatchMQ, "two", 0))
	ask(remoting.UnlockBatchMQ, "one", 0)
	expect(ask(remoting.LockBatchMQ, "two", 0), 0)
}

// Retries on delay level 1, and the dead letters after the second.
func TestConformanceSendBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("failing", 1), s.name("readers")
	s.hurry()
	retry, dead := "%RETRY%"+group, "%DLQ%"+group
	w := s.wire()
	w.heartbeat(s.name("client"), nil, map[string][]string{group: {topic}})
	sent := w.mustAsk(remoting.SendMessage, sendExt(topic, map[string]string{"TAGS": "red"}), []byte("bad"))
	first, id := sent.Ext["msgId"], sent.Ext["msgId"]
	back := func(level int) map[string]string {
		_, offset, err := remoting.ParseMessageID(id)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{
			"group": group, "offset": strconv.FormatInt(offset, 10), "delayLevel": strconv.Itoa(level),
			"originMsgId": id, "originTopic": topic, "unitMode": "false", "maxReconsumeTimes": "2",
		}
	}
	for n := 1; n <= 2; n++ {
		w.mustAsk(remoting.ConsumerSendMsgBack, back(1), nil)
		eventually(t, "retry", func() bool { return len(s.stored(retry, 1)) == n })
		m := s.stored(retry, 1)[n-1]
		id = remoting.MessageID(m.StoreHost, m.PhysicalOffset)
		checkRetry(t, m, n, topic, first)
	}
	w.mustAsk(remoting.ConsumerSendMsgBack, back(1), nil)
	eventually(t, "dead letter", func() bool { return len(s.stored(dead, 1)) == 1 })
	checkRetry(t, s.stored(dead, 1)[0], 3, topic, first)
	w.mustAsk(remoting.ConsumerSendMsgBack, back(-1), nil)
	eventually(t, "dead letter at once", func() bool { return len(s.stored(dead, 1)) == 2 })
	if n := len(s.stored(retry, 1)); n != 2 {
		t.Errorf("%d retries, want 2", n)
	}
	nothing := back(0)
	nothing["offset"] = "999999999999"
	if f := w.ask(remoting.ConsumerSendMsgBack, nothing, nil); f.Code != remoting.SystemError {
		t.Errorf("message that is not there: answer %d %q", f.Code, f.Remark)
	}
}

func checkRetry(t *testing.T, m remoting.Message, times int, topic, first string) {
	t.Helper()
	properties := remoting.ParseProperties(m.Properties)
	if int(m.ReconsumeTimes) != times || string(m.Body) != "bad" || properties["RETRY_TOPIC"] != topic ||
		properties["ORIGIN_MESSAGE_ID"] != first || properties["TAGS"] != "red" {
		t.Errorf("retry %d: reconsumed %d times, %q", times, m.ReconsumeTimes, m.Properties)
	}
}

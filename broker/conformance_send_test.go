package broker_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker/remoting"
)

func TestConformanceSend(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("send", 2)
	p := newProducer(t, s)
	for i := range 6 {
		r := send(t, p, primitive.NewMessage(topic, fmt.Appendf(nil, "body %d", i)).WithTag("red").WithKeys([]string{"k"}))
		if r.MessageQueue.BrokerName != s.broker || r.MessageQueue.Topic != topic || r.OffsetMsgID == "" || len(r.MsgID) != 32 {
			t.Errorf("send result %+v", r)
		}
	}
	eventually(t, "six messages", func() bool { return len(s.stored(topic, 2)) == 6 })
	next := map[int32]int64{}
	for _, m := range s.stored(topic, 2) {
		if m.QueueOffset != next[m.QueueID] || m.Topic != topic || m.SysFlag != 0 || m.ReconsumeTimes != 0 {
			t.Errorf("message %+v, want offset %d", m, next[m.QueueID])
		}
		next[m.QueueID]++
		properties := remoting.ParseProperties(m.Properties)
		if properties["TAGS"] != "red" || properties["KEYS"] != "k" || len(properties["UNIQ_KEY"]) != 32 {
			t.Errorf("properties %v", properties)
		}
	}
}

// The order in the queue shows that the delay of a message in a batch is ignored.
func TestConformanceBatch(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("batch", 1)
	var batch []*primitive.Message
	for _, body := range []string{"a", "b", "c"} {
		batch = append(batch, primitive.NewMessage(topic, []byte(body)).WithTag(body))
	}
	batch[1].WithDelayTimeLevel(3)
	p := newProducer(t, s)
	if r, err := p.SendSync(context.Background(), batch...); err != nil || r.Status != primitive.SendOK || strings.Count(r.OffsetMsgID, ",") != 2 {
		t.Fatalf("send batch: %+v, %v", r, err)
	}
	send(t, p, primitive.NewMessage(topic, []byte("d")))
	eventually(t, "the message behind the batch", func() bool { return s.copies(topic, 1, "d") == 1 })
	got := ""
	for _, m := range s.stored(topic, 1) {
		got += string(m.Body)
	}
	if got != "abcd" {
		t.Errorf("stored %s", got)
	}
}

func TestConformanceBodyLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("large", 1)
	w := s.wire()
	const limit = 4 << 20
	for size, want := range map[int]int{limit - 1: remoting.Success, limit: remoting.Success, limit + 1: remoting.MessageIllegal} {
		if f := w.ask(remoting.SendMessage, sendExt(topic, nil), bytes.Repeat([]byte("x"), size)); f.Code != want {
			t.Errorf("body of %d bytes: answer %d %q, want %d", size, f.Code, f.Remark, want)
		}
	}
	eventually(t, "both messages", func() bool { return s.maxOffset(topic) == 2 })
	for _, m := range s.stored(topic, 1) {
		if len(m.Body) < limit-1 {
			t.Errorf("stored a body of %d bytes", len(m.Body))
		}
	}
}

func (s *site) offset(code int, ext map[string]string) int64 {
	s.t.Helper()
	f := s.reading.mustAsk(code, ext, nil)
	n, err := strconv.ParseInt(f.Ext["offset"], 10, 64)
	if err != nil {
		s.t.Fatalf("request %d: offset %q", code, f.Ext["offset"])
	}
	return n
}

func (s *site) maxOffset(topic string) int64 {
	s.t.Helper()
	return s.offset(remoting.GetMaxOffset, map[string]string{"topic": topic, "queueId": "0"})
}

func TestConformanceUnknownTopic(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.name("unknown")
	queue := map[string]string{"topic": topic, "queueId": "0", "timestamp": "1"}
	pull := pullExt(s.name("group"), topic, 0, 0)
	for _, c := range []struct {
		code int
		ext  map[string]string
		want int
	}{
		{remoting.SendMessage, sendExt(topic, nil), remoting.TopicNotExist},
		{remoting.PullMessage, pull, remoting.TopicNotExist},
		{remoting.GetMaxOffset, queue, remoting.Success},
		{remoting.GetMinOffset, queue, remoting.Success},
		{remoting.SearchOffsetByTimestamp, queue, remoting.Success},
	} {
		f := s.reading.ask(c.code, c.ext, []byte("x"))
		if f.Code != c.want || f.Code == remoting.Success && f.Ext["offset"] != "0" {
			t.Errorf("request %d: answer %d %q %v, want %d", c.code, f.Code, f.Remark, f.Ext, c.want)
		}
	}
	ns := dialWire(t, s.nameserver)
	for _, name := range []string{topic, "TBW102"} {
		if f := ns.ask(remoting.GetRouteInfoByTopic, map[string]string{"topic": name}, nil); f.Code != remoting.TopicNotExist {
			t.Errorf("route of %s: answer %d", name, f.Code)
		}
	}
}

func TestConformanceRefusedSends(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("refused", 1)
	change := func(key, value string) map[string]string {
		ext := sendExt(topic, nil)
		ext[key] = value
		return ext
	}
	for name, c := range map[string]struct {
		ext  map[string]string
		want int
	}{
		"queue beyond":      {change("queueId", "9"), remoting.InvalidParameter},
		"half topic":        {change("topic", "RMQ_SYS_TRANS_HALF_TOPIC"), remoting.NoPermission},
		"schedule topic":    {change("topic", "SCHEDULE_TOPIC_XXXX"), remoting.NoPermission},
		"illegal topic":     {change("topic", "no topic"), remoting.InvalidParameter},
		"properties beyond": {change("properties", "k\x01"+strings.Repeat("x", 33000)+"\x02"), remoting.MessageIllegal},
	} {
		if f := s.reading.ask(remoting.SendMessage, c.ext, []byte("x")); f.Code != c.want {
			t.Errorf("%s: answer %d %q, want %d", name, f.Code, f.Remark, c.want)
		}
	}
	if f := s.reading.ask(remoting.SendMessage, sendExt(topic, nil), nil); f.Code != remoting.SystemError {
		t.Errorf("no body: answer %d %q, want %d", f.Code, f.Remark, remoting.SystemError)
	}
}

func TestConformanceOffsets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("offsets", 1)
	var at []int64 // store times
	for i := range 3 {
		s.reading.mustAsk(remoting.SendMessage, sendExt(topic, nil), []byte{byte('a' + i)})
		eventually(t, "message", func() bool { return s.maxOffset(topic) == int64(i+1) })
		list := s.stored(topic, 1)
		at = append(at, list[i].StoreTimestamp)
		eventually(t, "the next millisecond", func() bool { return time.Now().UnixMilli() > at[i]+1 })
	}
	if n := s.offset(remoting.GetMinOffset, map[string]string{"topic": topic, "queueId": "0"}); n != 0 {
		t.Errorf("min offset %d", n)
	}
	for when, want := range map[int64]int64{at[0] - 1000: 0, at[0]: 0, at[1]: 1, at[2]: 2, at[2] + 3_600_000: 3} {
		ext := map[string]string{"topic": topic, "queueId": "0", "timestamp": strconv.FormatInt(when, 10)}
		if n := s.offset(remoting.SearchOffsetByTimestamp, ext); n != want {
			t.Errorf("offset at first message %+d ms: %d, want %d", when-at[0], n, want)
		}
	}
}

func TestConformanceConsumerOffsets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("positions", 1), s.name("group")
	s.wire().heartbeat("client", nil, map[string][]string{group: {topic}}) // creates the group
	key := map[string]string{"consumerGroup": group, "topic": topic, "queueId": "0"}
	if f := s.reading.ask(remoting.QueryConsumerOffset, key, nil); f.Code != remoting.QueryNotFound {
		t.Errorf("offset on an empty queue: answer %d %v", f.Code, f.Ext)
	}
	for range 3 {
		s.reading.mustAsk(remoting.SendMessage, sendExt(topic, nil), []byte("x"))
	}
	eventually(t, "messages", func() bool { return s.maxOffset(topic) == 3 })
	if n := s.offset(remoting.QueryConsumerOffset, key); n != 0 {
		t.Errorf("offset of a new group on a young queue: %d", n)
	}
	for _, offset := range []string{"2", "1"} {
		s.reading.mustAsk(remoting.UpdateConsumerOffset, map[string]string{
			"consumerGroup": group, "topic": topic, "queueId": "0", "commitOffset": offset,
		}, nil)
		if n := s.offset(remoting.QueryConsumerOffset, key); strconv.FormatInt(n, 10) != offset {
			t.Errorf("committed %s, found %d", offset, n)
		}
	}
}

func TestConformanceViewByID(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("view", 1)
	r := send(t, newProducer(t, s), primitive.NewMessage(topic, []byte("look")))
	host, offset, err := remoting.ParseMessageID(r.OffsetMsgID)
	if err != nil || host.String() != s.address {
		t.Fatalf("message id %s: host %s, %v", r.OffsetMsgID, host, err)
	}
	f := s.reading.mustAsk(remoting.ViewMessageByID, map[string]string{"offset": strconv.FormatInt(offset, 10)}, nil)
	if m := decode(t, f.Body); len(m) != 1 || string(m[0].Body) != "look" || m[0].Topic != topic || m[0].PhysicalOffset != offset {
		t.Errorf("viewed %+v", m)
	}
	if f := s.reading.ask(remoting.ViewMessageByID, map[string]string{"offset": "999999999999"}, nil); f.Code != remoting.SystemError {
		t.Errorf("no message there: answer %d", f.Code)
	}
}

func TestConformanceTopicCanGrow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("growing", 1)
	s.create(topic, 4)
	ns := dialWire(t, s.nameserver)
	eventually(t, "four queues in the route", func() bool {
		f := ns.ask(remoting.GetRouteInfoByTopic, map[string]string{"topic": topic}, nil)
		return strings.Contains(string(f.Body), `"writeQueueNums":4`)
	})
	ext := sendExt(topic, nil)
	ext["queueId"] = "3"
	s.reading.mustAsk(remoting.SendMessage, ext, []byte("x"))
	for name, bad := range map[string]map[string]string{
		"illegal name": createExt("no topic", 1), "system topic": createExt("RMQ_SYS_TRANS_HALF_TOPIC", 1),
	} {
		if f := s.reading.ask(remoting.UpdateAndCreateTopic, bad, nil); f.Code != remoting.InvalidParameter {
			t.Errorf("%s: answer %d %q", name, f.Code, f.Remark)
		}
	}
}

package broker_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

func TestSendStoresWhatWasSent(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "plain", 1)
	p := newProducer(t, b)
	m := primitive.NewMessage("plain", bytes.Repeat([]byte("compressible "), 1000))
	m.WithTag("red").WithKeys([]string{"k1", "k2"}).WithProperty("colour", "deep red")
	r := send(t, p, m)

	got := b.Messages("plain")
	if len(got) != 1 {
		t.Fatalf("%d messages, want 1", len(got))
	}
	if !bytes.Equal(got[0].Body, m.Body) {
		t.Error("the body differs")
	}
	want := map[string]string{"TAGS": "red", "KEYS": "k1 k2", "colour": "deep red", "UNIQ_KEY": r.MsgID, "CLUSTER": "DefaultCluster"}
	for k, v := range want {
		if got[0].Properties[k] != v {
			t.Errorf("property %s = %q, want %q", k, got[0].Properties[k], v)
		}
	}
	if got[0].ID != r.OffsetMsgID || got[0].QueueOffset != r.QueueOffset {
		t.Errorf("stored as %s/%d, answered %s/%d", got[0].ID, got[0].QueueOffset, r.OffsetMsgID, r.QueueOffset)
	}
}

func TestSendCreatesUnknownTopicOnlyWhenAllowed(t *testing.T) {
	b := broker.RunT(t)
	send(t, newProducer(t, b), primitive.NewMessage("surprise", []byte("x")))
	if got := bodies(b, "surprise"); len(got) != 1 {
		t.Fatalf("messages: %q", got)
	}
	strict := broker.RunT(t, broker.WithAutoCreateTopics(false))
	if _, err := newProducer(t, strict).SendSync(context.Background(), primitive.NewMessage("surprise", []byte("x"))); err == nil {
		t.Fatal("a send to an unknown topic succeeded without auto-create")
	}
	answer := newWire(t, strict).ask(remoting.SendMessage, sendExt("surprise", nil), nil)
	if answer.Code != remoting.TopicNotExist {
		t.Fatalf("answer %d, want %d", answer.Code, remoting.TopicNotExist)
	}
}

func TestSendRefuses(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "picky", 1)
	w := newWire(t, b)
	w.mustAsk(remoting.UpdateAndCreateTopic, map[string]string{
		"topic": "readonly", "readQueueNums": "1", "writeQueueNums": "1", "perm": "4"}, nil)
	with := func(ext map[string]string, key, value string) map[string]string {
		ext[key] = value
		return ext
	}
	half := map[string]string{"TRAN_MSG": "true", "PGROUP": "g"}
	x := []byte("x")
	cases := []struct {
		name string
		ext  map[string]string
		body []byte
		code int
	}{
		{"body over 4 MiB", sendExt("picky", nil), make([]byte, 4<<20+1), remoting.MessageIllegal},
		{"properties over 32 KiB", sendExt("picky", map[string]string{"p": strings.Repeat("x", 32768)}), x, remoting.MessageIllegal},
		{"half with delay", sendExt("picky", map[string]string{"TRAN_MSG": "true", "PGROUP": "g", "DELAY": "2"}), x, remoting.MessageIllegal},
		{"half with timer", sendExt("picky", map[string]string{"TRAN_MSG": "true", "PGROUP": "g", "TIMER_DELAY_SEC": "2"}), x,
			remoting.MessageIllegal},
		{"timer", sendExt("picky", map[string]string{"TIMER_DELIVER_MS": "2"}), x, remoting.MessageIllegal},
		{"queue that is not there", with(sendExt("picky", nil), "queueId", "1"), x, remoting.InvalidParameter},
		{"topic of the broker", sendExt("RMQ_SYS_TRANS_HALF_TOPIC", half), x, remoting.NoPermission},
		{"read-only topic", sendExt("readonly", nil), x, remoting.NoPermission},
		{"illegal topic", sendExt("no spaces", nil), x, remoting.InvalidParameter},
		{"no body", sendExt("picky", nil), nil, remoting.SystemError},
		{"no number", with(sendExt("picky", nil), "queueId", "first"), x, remoting.SystemError},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if answer := w.ask(remoting.SendMessage, c.ext, c.body); answer.Code != c.code {
				t.Errorf("answer %d %q, want %d", answer.Code, answer.Remark, c.code)
			}
		})
	}
	if got := bodies(b, "picky"); len(got) != 0 {
		t.Errorf("refused messages were stored: %d", len(got))
	}
	w.mustAsk(remoting.SendMessage, sendExt("picky", nil), make([]byte, 4<<20))
}

func TestSendBatch(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "bulk", 1)
	list := []*primitive.Message{
		primitive.NewMessage("bulk", []byte("one")),
		primitive.NewMessage("bulk", []byte("two")).WithDelayTimeLevel(5),
		primitive.NewMessage("bulk", []byte("three")),
	}
	list[2].WithTag("last")
	r, err := newProducer(t, b).SendSync(context.Background(), list...)
	if err != nil {
		t.Fatal(err)
	}
	got := b.Messages("bulk")
	if len(got) != 3 || strings.Join(bodies(b, "bulk"), " ") != "one two three" {
		t.Fatalf("messages: %q", bodies(b, "bulk"))
	}
	ids := strings.Split(r.OffsetMsgID, ",")
	for i, m := range got {
		if m.QueueOffset != r.QueueOffset+int64(i) || len(ids) != 3 || ids[i] != m.ID {
			t.Errorf("message %d is %s at %d, answered %q from %d", i, m.ID, m.QueueOffset, ids, r.QueueOffset)
		}
	}
	if got[2].Properties["TAGS"] != "last" {
		t.Errorf("tags of the last: %q", got[2].Properties["TAGS"])
	}
}

func TestDelayedMessageComesWhenItIsDue(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "later", 2)
	p := newProducer(t, b)
	send(t, p, primitive.NewMessage("later", []byte("minute")).WithDelayTimeLevel(5))
	send(t, p, primitive.NewMessage("later", []byte("half minute")).WithDelayTimeLevel(4))
	send(t, p, primitive.NewMessage("later", []byte("two hours")).WithDelayTimeLevel(99))
	if n := b.PendingDelays(); n != 3 {
		t.Fatalf("%d delayed messages, want 3", n)
	}
	steps := []struct {
		advance time.Duration
		want    string
	}{
		{20 * time.Second, ""},
		{11 * time.Second, "half minute"},
		{30 * time.Second, "half minute,minute"},
		{time.Hour, "half minute,minute"},
		{time.Hour, "half minute,minute,two hours"},
	}
	for _, s := range steps {
		b.Advance(s.advance)
		got := bodies(b, "later")
		for _, body := range strings.Split(s.want, ",") {
			if !strings.Contains(strings.Join(got, ","), body) {
				t.Errorf("after %s more: %q, want %q", s.advance, got, s.want)
			}
		}
		if s.want == "" && len(got) != 0 {
			t.Errorf("after %s: %q, want nothing", s.advance, got)
		}
	}
	for _, m := range b.Messages("later") {
		if m.Properties["DELAY"] == "" || m.Properties["REAL_TOPIC"] != "later" {
			t.Errorf("%q lost DELAY or REAL_TOPIC: %v", m.Body, m.Properties)
		}
	}
}

func TestShortDelayNeedsNoAdvance(t *testing.T) {
	b := broker.RunT(t, broker.WithDelayLevels([]time.Duration{50 * time.Millisecond}))
	newTopic(t, b, "soon", 1)
	send(t, newProducer(t, b), primitive.NewMessage("soon", []byte("x")).WithDelayTimeLevel(1))
	eventually(t, "delayed message", func() bool { return len(b.Messages("soon")) == 1 })
	m := b.Messages("soon")[0]
	if d := m.StoredAt.Sub(m.BornAt); d < 50*time.Millisecond {
		t.Errorf("delivered after %s, want at least 50ms", d)
	}
}

package broker_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

func TestHeldPullAnswersWhenAMessageArrives(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	reader, sender := newWire(t, b), newWire(t, b)
	opaque := reader.send(remoting.PullMessage, pullExt("g", "t", 0, 20*time.Second), nil)
	// The same connection goes on while the pull is held.
	reader.mustAsk(remoting.GetMaxOffset, map[string]string{"topic": "t", "queueId": "0"}, nil)
	sender.mustAsk(remoting.SendMessage, sendExt("t", nil), []byte("hello"))
	f := reader.next()
	if f.Opaque != opaque || f.Code != remoting.Success || f.Ext["nextBeginOffset"] != "1" {
		t.Fatalf("answer %d to %d, next %s", f.Code, f.Opaque, f.Ext["nextBeginOffset"])
	}
	if m := decode(t, f.Body); len(m) != 1 || string(m[0].Body) != "hello" || m[0].Topic != "t" {
		t.Errorf("messages: %v", m)
	}
}

func TestHeldPullEndsWithItsTime(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	w := newWire(t, b)
	start := time.Now()
	f := w.ask(remoting.PullMessage, pullExt("g", "t", 0, 300*time.Millisecond), nil)
	if f.Code != remoting.PullNotFound || f.Ext["nextBeginOffset"] != "0" {
		t.Errorf("answer %d, next %s", f.Code, f.Ext["nextBeginOffset"])
	}
	if d := time.Since(start); d < 300*time.Millisecond {
		t.Errorf("held %s, want at least 300ms", d)
	}
}

func TestHeldPullWaitsForItsTag(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	reader, sender := newWire(t, b), newWire(t, b)
	ext := pullExt("g", "t", 0, 20*time.Second)
	ext["subscription"] = "red || blue"
	opaque := reader.send(remoting.PullMessage, ext, nil)
	reader.mustAsk(remoting.GetMaxOffset, map[string]string{"topic": "t", "queueId": "0"}, nil)
	for _, tag := range []string{"green", "Aa", "blue"} {
		sender.mustAsk(remoting.SendMessage, sendExt("t", map[string]string{"TAGS": tag}), []byte(tag))
	}
	f := reader.next()
	m := decode(t, f.Body)
	if f.Opaque != opaque || f.Code != remoting.Success || len(m) != 1 || string(m[0].Body) != "blue" || f.Ext["nextBeginOffset"] != "3" {
		t.Fatalf("answer %d, %d messages, next %s", f.Code, len(m), f.Ext["nextBeginOffset"])
	}
}

func TestPullAnswers(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	w := newWire(t, b)
	empty := w.ask(remoting.PullMessage, pullExt("g", "t", 5, 0), nil)
	if empty.Code != remoting.PullOffsetMoved || empty.Ext["nextBeginOffset"] != "0" {
		t.Errorf("pull beyond an empty queue: %d, next %s", empty.Code, empty.Ext["nextBeginOffset"])
	}
	for i := range 40 {
		w.mustAsk(remoting.SendMessage, sendExt("t", map[string]string{"TAGS": "green"}), fmt.Appendf(nil, "%d", i))
	}
	with := func(ext map[string]string, key, value string) map[string]string {
		ext[key] = value
		return ext
	}
	cases := []struct {
		name  string
		ext   map[string]string
		code  int
		next  string
		count int
	}{
		{"first 32", pullExt("g", "t", 0, 0), remoting.Success, "32", 32},
		{"rest", pullExt("g", "t", 32, 0), remoting.Success, "40", 8},
		{"at the end", pullExt("g", "t", 40, 0), remoting.PullNotFound, "40", 0},
		{"beyond the end", pullExt("g", "t", 99, 0), remoting.PullOffsetMoved, "40", 0},
		{"negative", pullExt("g", "t", -9, 0), remoting.PullOffsetMoved, "0", 0},
		{"no tag matches", with(pullExt("g", "t", 0, time.Second), "subscription", "red"), remoting.PullRetryImmediately, "40", 0},
		{"bad expression type", with(pullExt("g", "t", 0, 0), "expressionType", "SQL92"), remoting.SystemError, "", 0},
		{"bad queue", with(pullExt("g", "t", 0, 0), "queueId", "9"), remoting.InvalidParameter, "", 0},
		{"unknown topic", pullExt("g", "nothing", 0, 0), remoting.TopicNotExist, "", 0},
		{"unknown group", with(pullExt("g", "t", 0, 0), "sysFlag", "2"), remoting.SubscriptionNotExist, "", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := w.ask(remoting.PullMessage, c.ext, nil)
			if f.Code != c.code || f.Ext["nextBeginOffset"] != c.next {
				t.Errorf("answer %d, next %q; want %d, %q", f.Code, f.Ext["nextBeginOffset"], c.code, c.next)
			}
			if n := len(decode(t, f.Body)); n != c.count {
				t.Errorf("%d messages, want %d", n, c.count)
			}
		})
	}
}

func TestPullCommitsItsOffset(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	w := newWire(t, b)
	for range 5 {
		w.mustAsk(remoting.SendMessage, sendExt("t", nil), []byte("x"))
	}
	if lag := b.ConsumerLag("g", "t"); lag != 5 {
		t.Errorf("lag of a group that has not consumed: %d, want 5", lag)
	}
	ext := pullExt("g", "t", 3, 0)
	ext["sysFlag"], ext["commitOffset"] = "5", "3"
	w.mustAsk(remoting.PullMessage, ext, nil)
	if lag := b.ConsumerLag("g", "t"); lag != 2 {
		t.Errorf("lag %d, want 2", lag)
	}
	q := map[string]string{"consumerGroup": "g", "topic": "t", "queueId": "0"}
	if f := w.mustAsk(remoting.QueryConsumerOffset, q, nil); f.Ext["offset"] != "3" {
		t.Errorf("committed offset %s, want 3", f.Ext["offset"])
	}
}

func TestQueryOffsetOfANewGroup(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	w := newWire(t, b)
	q := map[string]string{"consumerGroup": "g", "topic": "t", "queueId": "0"}
	if f := w.ask(remoting.QueryConsumerOffset, q, nil); f.Code != remoting.QueryNotFound {
		t.Errorf("empty queue: answer %d, want %d", f.Code, remoting.QueryNotFound)
	}
	w.mustAsk(remoting.SendMessage, sendExt("t", nil), []byte("x"))
	if f := w.mustAsk(remoting.QueryConsumerOffset, q, nil); f.Ext["offset"] != "0" {
		t.Errorf("queue with messages: offset %q, want 0", f.Ext["offset"])
	}
}

func TestSearchOffsetByTime(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "t", 1)
	w := newWire(t, b)
	for range 10 {
		w.mustAsk(remoting.SendMessage, sendExt("t", nil), []byte("x"))
		b.Advance(time.Minute)
	}
	list := b.Messages("t")
	for i, m := range list {
		ext := map[string]string{"topic": "t", "queueId": "0", "timestamp": strconv.FormatInt(m.StoredAt.UnixMilli(), 10)}
		if f := w.mustAsk(remoting.SearchOffsetByTimestamp, ext, nil); f.Ext["offset"] != strconv.Itoa(i) {
			t.Errorf("time of message %d: offset %s", i, f.Ext["offset"])
		}
	}
	late := map[string]string{"topic": "t", "queueId": "0", "timestamp": strconv.FormatInt(b.Now().UnixMilli(), 10)}
	if f := w.mustAsk(remoting.SearchOffsetByTimestamp, late, nil); f.Ext["offset"] != "10" {
		t.Errorf("time after all: offset %s, want 10", f.Ext["offset"])
	}
}

package broker_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"boxoffice/broker/remoting"
)

// Levels 1 to 3 are 1, 5 and 10 s. The message of a level is never early, one
// level keeps the order of sending, and a shorter level comes first.
func TestConformanceDelayLevels(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("delays", 1)
	begun := time.Now().UnixMilli()
	for _, one := range []struct{ body, level string }{{"c", "3"}, {"b", "2"}, {"a", "1"}, {"A", "1"}} {
		s.reading.mustAsk(remoting.SendMessage, sendExt(topic, map[string]string{"DELAY": one.level}), []byte(one.body))
	}
	s.reading.mustAsk(remoting.SendMessage, sendExt(topic, nil), []byte("now"))
	s.hurry()
	eventually(t, "all messages", func() bool { return len(s.stored(topic, 1)) == 5 })
	after := map[string]int64{"now": 0, "a": 1000, "A": 1000, "b": 5000, "c": 10000}
	var order []string
	for _, m := range s.stored(topic, 1) {
		body := string(m.Body)
		order = append(order, body)
		if waited := m.StoreTimestamp - begun; waited < after[body] {
			t.Errorf("%s was delivered after %d ms, want %d", body, waited, after[body])
		}
		level, _ := remoting.Property(m.Properties, "DELAY")
		if real, _ := remoting.Property(m.Properties, "REAL_TOPIC"); body != "now" && (real != topic || level == "") {
			t.Errorf("%s: DELAY %q, REAL_TOPIC %q", body, level, real)
		}
	}
	if !slices.Equal(order, []string{"now", "a", "A", "b", "c"}) {
		t.Errorf("order %v", order)
	}
}

func TestConformanceTags(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("tags", 1)
	for _, tag := range []string{"green", "red", "green", "blue", "green"} {
		s.reading.mustAsk(remoting.SendMessage, sendExt(topic, map[string]string{"TAGS": tag}), []byte(tag))
	}
	eventually(t, "messages", func() bool { return s.maxOffset(topic) == 5 })
	pull := func(offset int64, tags string) *remoting.Frame {
		ext := pullExt(s.name("reader"), topic, offset, 0)
		ext["sysFlag"], ext["subscription"] = "4", tags
		return s.reading.ask(remoting.PullMessage, ext, nil)
	}
	f := pull(0, "red || blue")
	list := decode(t, f.Body)
	if f.Code != remoting.Success || len(list) != 2 || string(list[0].Body) != "red" || string(list[1].Body) != "blue" {
		t.Errorf("answer %d with %d messages", f.Code, len(list))
	}
	if f := pull(0, "black"); f.Code != remoting.PullRetryImmediately || f.Ext["nextBeginOffset"] != "5" {
		t.Errorf("nothing matches: answer %d %v", f.Code, f.Ext)
	}
	for _, offset := range []int64{7, 1000} {
		if f := pull(offset, "*"); f.Code != remoting.PullOffsetMoved || f.Ext["nextBeginOffset"] != "5" {
			t.Errorf("offset %d: answer %d %v", offset, f.Code, f.Ext)
		}
	}
	if f := pull(5, "*"); f.Code != remoting.PullNotFound || f.Ext["nextBeginOffset"] != "5" {
		t.Errorf("at the end: answer %d %v", f.Code, f.Ext)
	}
}

// A pull that finds nothing is held for up to 20 s; what arrives meanwhile ends
// the wait at once. A quarter of the hold tells that from a timeout on any machine.
func TestConformanceHeldPullIsWoken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("held", 1)
	w := s.wire()
	const hold = 20 * time.Second
	held := w.send(remoting.PullMessage, pullExt(s.name("reader"), topic, 0, hold), nil)
	// The answers of this connection show that the pull is not answered with nothing.
	for range 3 {
		w.send(remoting.GetMaxOffset, map[string]string{"topic": topic, "queueId": "0"}, nil)
		if f := w.next(); f.Opaque == held {
			t.Fatalf("the pull was not held: answer %d", f.Code)
		}
	}
	begun := time.Now()
	s.reading.mustAsk(remoting.SendMessage, sendExt(topic, nil), []byte("x"))
	f := w.next()
	if took := time.Since(begun); f.Opaque != held || f.Code != remoting.Success || took > hold/4 {
		t.Errorf("answer %d to request %d, want %d; after %s of %s", f.Code, f.Opaque, held, took, hold)
	}
}

func TestConformanceRefusedPulls(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("pulls", 1)
	change := func(key, value string) map[string]string {
		ext := pullExt(s.name("reader"), topic, 0, 0)
		ext[key] = value
		return ext
	}
	for name, c := range map[string]struct {
		ext  map[string]string
		want int
	}{
		"queue beyond":    {change("queueId", "9"), remoting.InvalidParameter},
		"no subscription": {change("sysFlag", "0"), remoting.SubscriptionNotExist},
		"empty queue":     {change("queueOffset", "0"), remoting.PullNotFound},
	} {
		if f := s.reading.ask(remoting.PullMessage, c.ext, nil); f.Code != c.want {
			t.Errorf("%s: answer %d %q, want %d", name, f.Code, f.Remark, c.want)
		}
	}
	// An offset in a queue that was always empty is moved to its start.
	if f := s.reading.ask(remoting.PullMessage, change("queueOffset", "3"), nil); f.Code != remoting.PullOffsetMoved ||
		f.Ext["nextBeginOffset"] != "0" {
		t.Errorf("offset in an empty queue: answer %d %v", f.Code, f.Ext)
	}
}

// One pull brings at most maxMsgNums messages, and goes on where it stopped.
func TestConformancePullsInSteps(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic := s.topic("steps", 1)
	for i := range 7 {
		s.reading.mustAsk(remoting.SendMessage, sendExt(topic, nil), []byte(strconv.Itoa(i)))
	}
	eventually(t, "messages", func() bool { return s.maxOffset(topic) == 7 })
	offset, got := int64(0), ""
	for _, want := range []int{3, 3, 1} {
		ext := pullExt(s.name("reader"), topic, offset, 0)
		ext["sysFlag"], ext["maxMsgNums"] = "4", "3"
		f := s.reading.mustAsk(remoting.PullMessage, ext, nil)
		list := decode(t, f.Body)
		if len(list) != want {
			t.Errorf("%d messages at %d, want %d", len(list), offset, want)
		}
		for _, m := range list {
			got += string(m.Body)
		}
		offset = int64(len(got))
		if f.Ext["nextBeginOffset"] != strconv.FormatInt(offset, 10) || f.Ext["maxOffset"] != "7" || f.Ext["minOffset"] != "0" {
			t.Errorf("bounds %v at %d", f.Ext, offset)
		}
	}
	if got != "0123456" {
		t.Errorf("pulled %s", got)
	}
}

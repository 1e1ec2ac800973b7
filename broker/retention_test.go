package broker_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

func segments(t *testing.T, dir string) int {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "log", "0*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func fill(w *wire, topic string, n int) {
	w.t.Helper()
	for i := range n {
		w.mustAsk(remoting.SendMessage, sendExt(topic, nil), fmt.Appendf(nil, "%0200d", i))
	}
}

func TestRetentionSparesOpenHalfMessages(t *testing.T) {
	dir := t.TempDir()
	b := broker.RunT(t, broker.WithSegmentBytes(4096), broker.WithRetention(time.Hour, 0), broker.WithDataDir(dir))
	newTopic(t, b, "bulk", 1)
	w := newWire(t, b)
	half := w.sendHalf("bulk", "sellers", "pending", nil)
	fill(w, "bulk", 100)
	before := segments(t, dir)
	b.Advance(90 * time.Minute)
	if got := segments(t, dir); got != before || len(b.Messages("bulk")) != 100 {
		t.Fatalf("%d of %d segments left: an open half message was not spared", got, before)
	}
	w.mustAsk(remoting.EndTransaction, endExt(t, "sellers", half, remoting.SysFlagCommit), nil)
	b.Advance(0)
	if got := segments(t, dir); got >= before || got < 1 {
		t.Fatalf("%d segments left of %d", got, before)
	}
	if got := bodies(b, "bulk"); len(got) == 0 || got[len(got)-1] != "pending" {
		t.Fatalf("the newest message is gone: %d left", len(got))
	}
}

func TestRetentionSparesDelayedMessages(t *testing.T) {
	dir := t.TempDir()
	b := broker.RunT(t, broker.WithSegmentBytes(4096), broker.WithRetention(time.Hour, 0), broker.WithDataDir(dir))
	newTopic(t, b, "bulk", 1)
	w := newWire(t, b)
	fill(w, "bulk", 50)
	w.mustAsk(remoting.SendMessage, sendExt("bulk", map[string]string{"DELAY": "18"}), []byte("delayed"))
	fill(w, "bulk", 50)
	before := segments(t, dir)
	b.Advance(110 * time.Minute)
	if got := segments(t, dir); got >= before || got < before/2 {
		t.Fatalf("%d of %d segments left, want those from the delayed message on", got, before)
	}
	b.Advance(11 * time.Minute)
	if got := bodies(b, "bulk"); len(got) == 0 || got[len(got)-1] != "delayed" {
		t.Fatalf("the delayed message was not delivered: %d messages", len(got))
	}
	if got := segments(t, dir); got > before/2 {
		t.Errorf("%d of %d segments left after the delivery", got, before)
	}
}

func TestRetentionBySize(t *testing.T) {
	dir := t.TempDir()
	opts := []broker.Option{broker.WithSegmentBytes(4096), broker.WithRetention(0, 16384), broker.WithDataDir(dir)}
	b := broker.RunT(t, opts...)
	newTopic(t, b, "bulk", 1)
	w := newWire(t, b)
	fill(w, "bulk", 200)
	b.Advance(0)
	if got := segments(t, dir); got < 3 || got > 5 {
		t.Fatalf("%d segments of 4096 bytes left, want about 16384 bytes", got)
	}
	kept := b.Messages("bulk")
	lowest, end := kept[0].QueueOffset, kept[len(kept)-1].QueueOffset+1
	if lowest == 0 || end != 200 {
		t.Fatalf("messages %d to %d are left", lowest, end)
	}
	f := w.ask(remoting.PullMessage, pullExt("readers", "bulk", 0, 0), nil)
	if f.Code != remoting.PullOffsetMoved || f.Ext["nextBeginOffset"] != strconv.FormatInt(lowest, 10) {
		t.Errorf("pull of what is deleted: answer %d, next %s, want %d", f.Code, f.Ext["nextBeginOffset"], lowest)
	}
	if f := w.mustAsk(remoting.GetMinOffset, map[string]string{"topic": "bulk", "queueId": "0"},
		nil); f.Ext["offset"] != strconv.FormatInt(lowest, 10) {
		t.Errorf("minimum offset %s, want %d", f.Ext["offset"], lowest)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := reopen(t, dir, opts...)
	if got := again.Messages("bulk"); len(got) != len(kept) || got[0].QueueOffset != lowest {
		t.Errorf("after restart: %d messages from %d, want %d from %d", len(got), got[0].QueueOffset, len(kept), lowest)
	}
}

// A queue whose messages are all deleted must go on counting after a restart:
// if it began at 0 again, its consumers would wait at their old offset and
// never see what is sent next.
func TestEmptiedQueueKeepsItsOffsetsAcrossRestart(t *testing.T) {
	dir := t.TempDir()
	opts := []broker.Option{broker.WithSegmentBytes(4096), broker.WithRetention(time.Hour, 0)}
	b := broker.RunT(t, append(opts, broker.WithDataDir(dir))...)
	newTopic(t, b, "quiet", 1)
	newTopic(t, b, "busy", 1)
	w := newWire(t, b)
	fill(w, "quiet", 5)
	fill(w, "busy", 50)
	b.Advance(2 * time.Hour)
	fill(w, "busy", 50)
	b.Advance(30 * time.Minute)
	if n := len(b.Messages("quiet")); n != 0 {
		t.Fatalf("%d old messages left", n)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := reopen(t, dir, opts...)
	f := newWire(t, again).mustAsk(remoting.SendMessage, sendExt("quiet", nil), []byte("next"))
	if f.Ext["queueOffset"] != "5" {
		t.Errorf("next message at %s, want 5", f.Ext["queueOffset"])
	}
}

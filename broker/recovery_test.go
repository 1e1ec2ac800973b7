package broker_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

// reopen starts a broker on a directory that another one has used.
func reopen(t *testing.T, dir string, opts ...broker.Option) *broker.Broker {
	t.Helper()
	return broker.RunT(t, append(opts, broker.WithDataDir(dir))...)
}

// crash copies a running broker's directory: what a kill at this moment leaves.
func crash(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if info.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		return copyFile(filepath.Join(to, rel), path)
	})
	if err != nil {
		t.Fatalf("copy data directory: %v", err)
	}
	return to
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// scene is a broker in the middle of everything: messages, open and finished
// half messages, delayed messages that wait and that were delivered, a
// checked half, a committed offset.
type scene struct {
	dir  string
	b    *broker.Broker
	open *remoting.Frame // answer to the open half message
	gone *remoting.Frame // answer to the one that was rolled back
}

func newScene(t *testing.T) scene {
	t.Helper()
	s := scene{dir: t.TempDir()}
	s.b = broker.RunT(t, broker.WithDataDir(s.dir), broker.WithSegmentBytes(4096))
	newTopic(t, s.b, "stock", 1)
	newTopic(t, s.b, "plain", 1)
	w := newWire(t, s.b)
	for i := range 30 {
		w.mustAsk(remoting.SendMessage, sendExt("plain", map[string]string{"TAGS": "t"}), fmt.Appendf(nil, "plain-%d", i))
	}
	committed := w.sendHalf("stock", "sellers", "committed", nil)
	w.mustAsk(remoting.EndTransaction, endExt(t, "sellers", committed, remoting.SysFlagCommit), nil)
	s.gone = w.sendHalf("stock", "sellers", "rolled-back", nil)
	w.mustAsk(remoting.EndTransaction, endExt(t, "sellers", s.gone, remoting.SysFlagRollback), nil)
	s.open = w.sendHalf("stock", "sellers", "open", nil)
	w.mustAsk(remoting.SendMessage, sendExt("plain", map[string]string{"DELAY": "1"}), []byte("was-delayed"))
	w.mustAsk(remoting.SendMessage, sendExt("plain", map[string]string{"DELAY": "18"}), []byte("delayed"))
	s.b.Advance(31 * time.Second) // one check, and level 1 is due
	w.heartbeat("client", nil, map[string][]string{"readers": {"plain"}})
	w.mustAsk(remoting.UpdateConsumerOffset, map[string]string{
		"consumerGroup": "readers", "topic": "plain", "queueId": "0", "commitOffset": "7"}, nil)
	return s
}

// verify looks at a broker that was started from the scene's directory.
func (s scene) verify(t *testing.T, b *broker.Broker) {
	t.Helper()
	plain := bodies(b, "plain")
	if len(plain) != 31 || plain[0] != "plain-0" || plain[29] != "plain-29" || plain[30] != "was-delayed" {
		t.Errorf("plain messages: %q", plain)
	}
	if got := bodies(b, "stock"); len(got) != 1 || got[0] != "committed" {
		t.Errorf("stock messages: %q, want only the committed one", got)
	}
	half := b.HalfMessages()
	if len(half) != 1 || string(half[0].Body) != "open" || half[0].Checks != 1 {
		t.Fatalf("half messages: %+v, want the open one with one check", half)
	}
	if n := b.PendingDelays(); n != 1 {
		t.Errorf("%d delayed messages, want 1", n)
	}
	w := newWire(t, b)
	w.heartbeat("client", []string{"sellers"}, nil)
	w.mustAsk(remoting.EndTransaction, endExt(t, "sellers", s.open, remoting.SysFlagCommit), nil)
	if got := bodies(b, "stock"); len(got) != 2 || got[1] != "open" {
		t.Errorf("stock messages: %q, want the open one committed", got)
	}
	answer := w.mustAsk(remoting.SendMessage, sendExt("plain", nil), []byte("new"))
	if answer.Ext["queueOffset"] != "31" {
		t.Errorf("next message at %s, want 31", answer.Ext["queueOffset"])
	}
	b.Advance(3 * time.Hour)
	if got := bodies(b, "plain"); len(got) != 33 || got[32] != "delayed" {
		t.Errorf("plain messages in the end: %q", got)
	}
	if got := bodies(b, "stock"); strings.Contains(strings.Join(got, " "), "rolled-back") {
		t.Errorf("a rolled back message was delivered: %q", got)
	}
}

func TestRestartLosesNothing(t *testing.T) {
	s := newScene(t)
	if err := s.b.Close(); err != nil {
		t.Fatal(err)
	}
	b := reopen(t, s.dir, broker.WithSegmentBytes(4096))
	if lag := b.ConsumerLag("readers", "plain"); lag != 31-7 {
		t.Errorf("lag %d, want %d: Close has not saved the offset", lag, 31-7)
	}
	s.verify(t, b)
}

func TestCrashLosesNothingAcknowledged(t *testing.T) {
	s := newScene(t)
	s.verify(t, reopen(t, crash(t, s.dir), broker.WithSegmentBytes(4096)))
}

func TestTornTailIsCut(t *testing.T) {
	s := newScene(t)
	dir := crash(t, s.dir)
	segments, err := filepath.Glob(filepath.Join(dir, "log", "0*"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("segments: %v, %v", segments, err)
	}
	last, err := os.OpenFile(segments[len(segments)-1], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := last.WriteString("half a record that the power cut"); err != nil {
		t.Fatal(err)
	}
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
	s.verify(t, reopen(t, dir, broker.WithSegmentBytes(4096)))
}

func TestTopicWithoutMessagesSurvivesACrash(t *testing.T) {
	dir := t.TempDir()
	b := broker.RunT(t, broker.WithDataDir(dir))
	newTopic(t, b, "empty", 3)
	newWire(t, b).heartbeat("client", nil, map[string][]string{"readers": {"empty"}})
	w := newWire(t, reopen(t, crash(t, dir)))
	for topic, queues := range map[string]string{"empty": "3", "%RETRY%readers": "1"} {
		f := w.mustAsk(remoting.GetRouteInfoByTopic, map[string]string{"topic": topic}, nil)
		if !strings.Contains(string(f.Body), `"readQueueNums":`+queues) {
			t.Errorf("route of %s: %s", topic, f.Body)
		}
	}
}

func TestSecondBrokerOnTheDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	broker.RunT(t, broker.WithDataDir(dir))
	second, err := broker.New(broker.WithDataDir(dir))
	if err == nil {
		_ = second.Close()
		t.Fatal("two brokers run on one directory")
	}
}

// A run with fewer delay levels must neither lose nor confuse what waits on
// levels that it does not have.
func TestFewerDelayLevelsAfterRestart(t *testing.T) {
	dir := t.TempDir()
	first := broker.RunT(t, broker.WithDataDir(dir))
	newTopic(t, first, "later", 1)
	w := newWire(t, first)
	for _, level := range []int{18, 3, 1} {
		w.mustAsk(remoting.SendMessage, sendExt("later", map[string]string{"DELAY": strconv.Itoa(level)}), fmt.Appendf(nil, "level-%d", level))
	}
	first.Advance(2 * time.Second)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	b := reopen(t, dir, broker.WithDelayLevels([]time.Duration{time.Second, time.Hour}))
	if n := b.PendingDelays(); n != 2 {
		t.Fatalf("%d delayed messages, want 2", n)
	}
	b.Advance(2 * time.Hour)
	if got := bodies(b, "later"); len(got) != 3 {
		t.Fatalf("messages: %q, want all three", got)
	}
}

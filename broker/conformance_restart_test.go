package broker_test

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

// TestConformanceRestart ends a broker while it holds messages, a delayed one,
// an open half message and a consumer's offset, and starts it again. A real
// broker is killed, so it must belong to nobody else: the test is not parallel
// and runs on one only when BOXOFFICE_TEST_RESTART=1 and BOXOFFICE_STACK_DIR
// name a stack of scripts/stack.
func TestConformanceRestart(t *testing.T) {
	dir := t.TempDir()
	s := newSite(t, broker.WithDataDir(dir))
	if s.embedded == nil && (os.Getenv("BOXOFFICE_TEST_RESTART") == "" || os.Getenv("BOXOFFICE_STACK_DIR") == "") {
		t.Skip("this broker is not ours to kill: set BOXOFFICE_TEST_RESTART=1 and BOXOFFICE_STACK_DIR for a private stack")
	}
	topic, group, readers := s.topic("restart", 1), s.name("sellers"), s.name("readers")
	w := s.wire()
	w.heartbeat("reader", nil, map[string][]string{readers: {topic}})
	var ids []string
	for i := range 5 {
		ids = append(ids, w.mustAsk(remoting.SendMessage, sendExt(topic, nil), []byte(strconv.Itoa(i))).Ext["msgId"])
	}
	w.mustAsk(remoting.SendMessage, sendExt(topic, map[string]string{"DELAY": "2"}), []byte("delayed"))
	w.sendHalf(topic, group, "half", nil)
	w.mustAsk(remoting.UpdateConsumerOffset, map[string]string{
		"consumerGroup": readers, "topic": topic, "queueId": "0", "commitOffset": "3",
	}, nil)
	s.restart(dir)

	w = s.wire()
	w.heartbeat("seller", []string{group}, nil)
	check := w.await(remoting.CheckTransactionState)
	w.mustAsk(remoting.EndTransaction, checkedExt(group, check, remoting.SysFlagCommit), nil)
	s.hurry()
	for _, body := range []string{"0", "1", "2", "3", "4", "half", "delayed"} {
		eventually(t, body, func() bool { return s.copies(topic, 1, body) == 1 })
	}
	for i, m := range s.stored(topic, 1)[:5] {
		if id := remoting.MessageID(m.StoreHost, m.PhysicalOffset); id != ids[i] || m.QueueOffset != int64(i) {
			t.Errorf("message %d is %s at %d, want %s", i, id, m.QueueOffset, ids[i])
		}
	}
	f := w.mustAsk(remoting.SendMessage, sendExt(topic, nil), []byte("next"))
	if f.Ext["queueOffset"] != "7" {
		t.Errorf("the next message is at %s, want 7", f.Ext["queueOffset"])
	}
	// A crash may lose the newest offsets, so that messages come again, but never adds to them.
	key := map[string]string{"consumerGroup": readers, "topic": topic, "queueId": "0"}
	if n := s.offset(remoting.QueryConsumerOffset, key); n > 3 || s.embedded != nil && n != 3 {
		t.Errorf("offset of the consumers %d, want 3", n)
	}
}

// restart ends the broker and starts it again on the same address.
func (s *site) restart(dir string) {
	s.t.Helper()
	if s.embedded == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		for _, verb := range []string{"kill", "start"} {
			cmd := exec.CommandContext(ctx, "go", "run", "./scripts/stack", verb, "broker")
			cmd.Dir = ".."
			if out, err := cmd.CombinedOutput(); err != nil {
				s.t.Fatalf("%s broker: %v\n%s", verb, err, out)
			}
		}
	} else {
		if err := s.embedded.Close(); err != nil {
			s.t.Fatal(err)
		}
		s.embedded = broker.RunT(s.t, broker.WithDataDir(dir), broker.WithListen(s.address), broker.WithAutoCreateTopics(false),
			broker.WithTransactionTimeout(s.checkAfter), broker.WithTransactionCheckInterval(s.checkInterval),
			broker.WithTransactionCheckMax(s.checkMax))
	}
	s.reading = s.wire()
}

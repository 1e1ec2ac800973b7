package broker_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

func TestCommitDeliversAndRollbackDoesNot(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "stock", 1)
	state, seen := primitive.CommitMessageState, 0
	p := newTransactionProducer(t, b, "sellers", listener{
		execute: func(*primitive.Message) primitive.LocalTransactionState {
			if got := len(b.HalfMessages()); got != 1 {
				t.Errorf("half messages during the local transaction: %d, want 1", got)
			}
			if got := bodies(b, "stock"); len(got) != seen {
				t.Errorf("visible during the local transaction: %q, want %d messages", got, seen)
			}
			return state
		},
	})
	if _, err := p.SendMessageInTransaction(context.Background(), primitive.NewMessage("stock", []byte("yes"))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "committed message", func() bool { return len(b.Messages("stock")) == 1 })

	state, seen = primitive.RollbackMessageState, 1
	if _, err := p.SendMessageInTransaction(context.Background(), primitive.NewMessage("stock", []byte("no"))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "rolled back half", func() bool { return len(b.HalfMessages()) == 0 })
	if got := bodies(b, "stock"); len(got) != 1 || got[0] != "yes" {
		t.Fatalf("messages on the topic: %q, want only yes", got)
	}
	m := b.Messages("stock")[0]
	if m.SysFlag&remoting.SysFlagTransactionMask != remoting.SysFlagCommit || m.PreparedTransactionOffset == m.PhysicalOffset {
		t.Errorf("committed with sysFlag %d, prepared offset %d", m.SysFlag, m.PreparedTransactionOffset)
	}
	for k, v := range map[string]string{"TRAN_MSG": "true", "PGROUP": "sellers", "REAL_TOPIC": "stock", "REAL_QID": "0"} {
		if m.Properties[k] != v {
			t.Errorf("property %s = %q, want %q", k, m.Properties[k], v)
		}
	}
}

func TestCheckBackSettlesWhatTheProducerLeftOpen(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "stock", 1)
	var checks atomic.Int32
	p := newTransactionProducer(t, b, "sellers", listener{
		execute: always(primitive.UnknowState),
		check: func(m *primitive.MessageExt) primitive.LocalTransactionState {
			n := checks.Add(1)
			if got := m.GetProperty("TRANSACTION_CHECK_TIMES"); got != strconv.Itoa(int(n)) {
				t.Errorf("check %d has TRANSACTION_CHECK_TIMES %q", n, got)
			}
			if m.Topic != "stock" || string(m.Body) != "maybe" {
				t.Errorf("checked message is %s %q", m.Topic, m.Body)
			}
			if n < 3 {
				return primitive.UnknowState
			}
			return primitive.CommitMessageState
		},
	})
	if _, err := p.SendMessageInTransaction(context.Background(), primitive.NewMessage("stock", []byte("maybe"))); err != nil {
		t.Fatal(err)
	}
	// The group is known from the heartbeat that the client sends a second after Start.
	eventually(t, "heartbeat", func() bool { return b.Stats().Frames[remoting.HeartBeat] > 0 })
	b.CheckNow()
	if n := checks.Load(); n != 0 {
		t.Fatalf("%d checks before the transaction timeout", n)
	}
	for want := int32(1); want <= 3; want++ {
		b.Advance(31 * time.Second)
		eventually(t, "check-back", func() bool { return checks.Load() == want })
	}
	eventually(t, "commit after check", func() bool { return len(b.Messages("stock")) == 1 })
	if got := b.Messages("stock")[0].Properties["TRANSACTION_CHECK_TIMES"]; got != "3" {
		t.Errorf("delivered with TRANSACTION_CHECK_TIMES %q, want 3", got)
	}
	if n := len(b.HalfMessages()); n != 0 {
		t.Errorf("%d half messages left", n)
	}
}

func TestCheckBackGivesUpAfterTheMaximum(t *testing.T) {
	b := broker.RunT(t, broker.WithTransactionCheckMax(3))
	newTopic(t, b, "stock", 1)
	w := newWire(t, b)
	w.heartbeat("client", []string{"sellers"}, nil)
	w.sendHalf("stock", "sellers", "orphan", nil)
	for n := 1; n <= 3; n++ {
		b.Advance(31 * time.Second)
		f := w.next()
		if f.Code != remoting.CheckTransactionState || !f.IsOneWay() {
			t.Fatalf("frame %d flag %d, want a check", f.Code, f.Flag)
		}
		m := decode(t, f.Body)[0]
		times, _ := remoting.Property(m.Properties, "TRANSACTION_CHECK_TIMES")
		if times != strconv.Itoa(n) || m.Topic != "stock" || f.Ext["transactionId"] != "key-orphan" {
			t.Errorf("check %d: times %q, topic %s, ext %v", n, times, m.Topic, f.Ext)
		}
		if got := b.HalfMessages(); len(got) != 1 || got[0].Checks != n || got[0].Group != "sellers" || got[0].RealTopic != "stock" {
			t.Errorf("half messages after check %d: %+v", n, got)
		}
	}
	b.Advance(31 * time.Second)
	if n := len(b.HalfMessages()); n != 0 {
		t.Fatalf("%d half messages after the last check", n)
	}
	got := b.Messages("TRANS_CHECK_MAX_TIME_TOPIC")
	if len(got) != 1 || string(got[0].Body) != "orphan" || got[0].Properties["REAL_TOPIC"] != "stock" {
		t.Fatalf("given up messages: %+v", got)
	}
	if n := len(b.Messages("stock")); n != 0 {
		t.Errorf("%d messages delivered", n)
	}
}

func TestChecksGoRoundTheProducersOfTheGroup(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "stock", 1)
	first, second := newWire(t, b), newWire(t, b)
	first.heartbeat("one", []string{"sellers"}, nil)
	second.heartbeat("two", []string{"sellers"}, nil)
	first.sendHalf("stock", "sellers", "orphan", nil)
	b.Advance(31 * time.Second)
	b.Advance(31 * time.Second)
	for _, w := range []*wire{first, second} {
		if f := w.next(); f.Code != remoting.CheckTransactionState {
			t.Errorf("frame %d, want one check on each connection", f.Code)
		}
	}
}

func TestChecksCountWithoutAProducer(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "stock", 1)
	newWire(t, b).sendHalf("stock", "sellers", "orphan", nil)
	for _, step := range []struct {
		advance time.Duration
		checks  int
	}{{5 * time.Second, 0}, {26 * time.Second, 1}, {10 * time.Second, 1}, {21 * time.Second, 2}} {
		b.Advance(step.advance)
		if got := b.HalfMessages(); len(got) != 1 || got[0].Checks != step.checks {
			t.Fatalf("after %s more: %+v, want one half message with %d checks", step.advance, got, step.checks)
		}
	}
}

func TestCheckImmunityTimeIsKept(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "stock", 1)
	w := newWire(t, b)
	w.heartbeat("client", []string{"sellers"}, nil)
	sent := w.sendHalf("stock", "sellers", "slow", map[string]string{"CHECK_IMMUNITY_TIME_IN_SECONDS": "100"})
	b.Advance(90 * time.Second)
	if got := b.HalfMessages(); got[0].Checks != 0 {
		t.Fatalf("%d checks within the immunity time", got[0].Checks)
	}
	b.Advance(40 * time.Second)
	if f := w.next(); f.Code != remoting.CheckTransactionState {
		t.Fatalf("frame %d, want a check", f.Code)
	}
	late := endExt(t, "sellers", sent, remoting.SysFlagCommit)
	if f := w.ask(remoting.EndTransaction, late, nil); f.Code != 604 {
		t.Errorf("late commit of the producer's own: answer %d, want 604", f.Code)
	}
	late["fromTransactionCheck"] = "true"
	w.mustAsk(remoting.EndTransaction, late, nil)
	if got := bodies(b, "stock"); len(got) != 1 {
		t.Errorf("messages: %q", got)
	}
}

// The real broker looks the half up in its log and never asks whether it is
// finished, so each commit delivers, even one after a rollback. Applications
// that are tested against this broker must meet that.
func TestEveryCommitDelivers(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "stock", 1)
	w := newWire(t, b)
	sent := w.sendHalf("stock", "sellers", "again", nil)
	commit := endExt(t, "sellers", sent, remoting.SysFlagCommit)
	w.mustAsk(remoting.EndTransaction, commit, nil)
	w.mustAsk(remoting.EndTransaction, endExt(t, "sellers", sent, remoting.SysFlagRollback), nil)
	w.mustAsk(remoting.EndTransaction, commit, nil)
	if got := bodies(b, "stock"); len(got) != 2 {
		t.Fatalf("messages: %q, want the message twice", got)
	}
}

func TestEndTransactionMustMatchTheHalf(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "stock", 1)
	w := newWire(t, b)
	plain := w.mustAsk(remoting.SendMessage, sendExt("stock", map[string]string{"PGROUP": "sellers"}), []byte("plain"))
	sent := w.sendHalf("stock", "sellers", "half", nil)
	change := func(key, value string) map[string]string {
		ext := endExt(t, "sellers", sent, remoting.SysFlagCommit)
		ext[key] = value
		return ext
	}
	done := w.sendHalf("stock", "sellers", "done", nil)
	w.mustAsk(remoting.EndTransaction, endExt(t, "sellers", done, remoting.SysFlagCommit), nil)
	delivered := b.Messages("stock")[1]
	cases := map[string]map[string]string{
		"a delivered message": endExt(t, "sellers", &remoting.Frame{Ext: map[string]string{
			"msgId": delivered.ID, "queueOffset": strconv.FormatInt(delivered.QueueOffset, 10)}}, remoting.SysFlagCommit),
		"wrong group":        change("producerGroup", "thieves"),
		"wrong queue offset": change("tranStateTableOffset", "7"),
		"offset of nothing":  change("commitLogOffset", "1"),
		"negative offset":    change("commitLogOffset", "-5"),
		"not a half":         endExt(t, "sellers", plain, remoting.SysFlagCommit),
	}
	for name, ext := range cases {
		if f := w.ask(remoting.EndTransaction, ext, nil); f.Code != remoting.SystemError {
			t.Errorf("%s: answer %d, want %d", name, f.Code, remoting.SystemError)
		}
	}
	if got := bodies(b, "stock"); len(got) != 2 || len(b.HalfMessages()) != 1 {
		t.Errorf("messages %q, half messages %d", got, len(b.HalfMessages()))
	}
}

package broker_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker/remoting"
)

// With the real client: what is committed arrives, what is rolled back does
// not, and what is left open is asked about and then settled by the answer.
func TestConformanceTransaction(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("transaction", 1), s.name("sellers")
	outcomes := map[string]primitive.LocalTransactionState{
		"commit": primitive.CommitMessageState, "rollback": primitive.RollbackMessageState,
	}
	p := newTransactionProducer(t, s, group, listener{
		execute: func(m *primitive.Message) primitive.LocalTransactionState {
			if s.copies(topic, 1, string(m.Body)) != 0 {
				t.Errorf("%s is visible during the local transaction", m.Body)
			}
			return outcomes[string(m.Body)]
		},
		check: func(m *primitive.MessageExt) primitive.LocalTransactionState {
			if string(m.Body) == "open" && m.Topic == topic {
				return primitive.CommitMessageState
			}
			if s.embedded != nil { // a busy real one may ask before it has looked at the end that it was told
				t.Errorf("checked %s %s", m.Topic, m.Body)
			}
			return outcomes[string(m.Body)]
		},
	})
	for _, body := range []string{"commit", "rollback"} {
		if _, err := p.SendMessageInTransaction(context.Background(), primitive.NewMessage(topic, []byte(body))); err != nil {
			t.Fatal(err)
		}
	}
	s.awaitProducer(group)
	if _, err := p.SendMessageInTransaction(context.Background(), primitive.NewMessage(topic, []byte("open"))); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"commit", "open"} {
		eventually(t, body, func() bool { return s.copies(topic, 1, body) == 1 })
	}
	list := s.stored(topic, 1)
	if len(list) != 2 {
		t.Fatalf("%d messages, want 2", len(list))
	}
	for _, m := range list {
		properties := remoting.ParseProperties(m.Properties)
		if m.SysFlag != remoting.SysFlagCommit || m.PreparedTransactionOffset == m.PhysicalOffset || properties["TRAN_MSG"] != "true" ||
			properties["PGROUP"] != group || properties["REAL_TOPIC"] != topic || properties["__transactionId__"] != properties["UNIQ_KEY"] {
			t.Errorf("committed %+v", m)
		}
	}
	if got, _ := remoting.Property(list[1].Properties, "TRANSACTION_CHECK_TIMES"); got != "1" {
		t.Errorf("committed after %q checks, want 1", got)
	}
}

// checkedExt is the END_TRANSACTION that answers a check.
func checkedExt(group string, check *remoting.Frame, decision int) map[string]string {
	return map[string]string{
		"producerGroup": group, "tranStateTableOffset": check.Ext["tranStateTableOffset"],
		"commitLogOffset": check.Ext["commitLogOffset"], "commitOrRollback": strconv.Itoa(decision),
		"fromTransactionCheck": "true", "msgId": check.Ext["msgId"], "transactionId": check.Ext["transactionId"],
	}
}

// The first check-back comes when the half message has the age of the
// transaction timeout, the next ones about an interval apart: a quarter of it is
// demanded, because a stalled machine may deliver one late and the next in time.
func TestConformanceCheckBackCountAndSpacing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("checks", 1), s.name("sellers")
	w := s.wire()
	w.heartbeat(s.name("client"), []string{group}, nil)
	begun := time.Now()
	w.sendHalf(topic, group, "maybe", nil)
	var check *remoting.Frame
	for n := 1; n <= min(3, s.checkMax); n++ {
		check = w.await(remoting.CheckTransactionState)
		at := time.Now()
		if least := s.checkInterval / 4; n > 1 && at.Sub(begun) < least {
			t.Errorf("check %d came %s after the one before, want at least %s", n, at.Sub(begun), least)
		}
		if n == 1 && at.Sub(begun) < s.checkAfter-time.Millisecond { // the broker counts whole milliseconds
			t.Errorf("first check after %s, want at least %s", at.Sub(begun), s.checkAfter)
		}
		begun = at
		m := decode(t, check.Body)[0]
		if times, _ := remoting.Property(m.Properties, "TRANSACTION_CHECK_TIMES"); times != strconv.Itoa(n) || m.Topic != topic {
			t.Errorf("check %d: number %q, topic %s", n, times, m.Topic)
		}
		if check.Ext["transactionId"] != "key-maybe" || check.Ext["msgId"] != "key-maybe" {
			t.Errorf("check %d: %v", n, check.Ext)
		}
	}
	w.mustAsk(remoting.EndTransaction, checkedExt(group, check, remoting.SysFlagCommit), nil)
	eventually(t, "commit after the check", func() bool { return s.copies(topic, 1, "maybe") == 1 })
}

func TestConformanceChecksEndInTheirTopic(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if wait := s.checkAfter + time.Duration(s.checkMax)*s.checkInterval; wait > waitLimit/2 {
		t.Skipf("this broker gives a half message up after %d checks, %s: run scripts/stack up -check-max 6 -check-interval 1s", s.checkMax, wait)
	}
	s.hurry()
	const exhausted = "TRANS_CHECK_MAX_TIME_TOPIC"
	topic, group := s.topic("exhausted", 1), s.name("sellers")
	w := s.wire()
	w.heartbeat(s.name("client"), []string{group}, nil)
	before := s.maxOffset(exhausted)
	body := s.name("orphan")
	w.sendHalf(topic, group, body, nil)
	for n := 1; n <= s.checkMax; n++ {
		w.await(remoting.CheckTransactionState)
	}
	var found []remoting.Message
	eventually(t, "the message among the exhausted", func() bool {
		for _, m := range s.storedFrom(exhausted, 0, before) {
			if string(m.Body) == body {
				found = append(found, m)
			}
		}
		return len(found) > 0
	})
	properties := remoting.ParseProperties(found[0].Properties)
	if len(found) != 1 || properties["REAL_TOPIC"] != topic || properties["PGROUP"] != group ||
		properties["TRANSACTION_CHECK_TIMES"] != strconv.Itoa(s.checkMax) {
		t.Errorf("%d messages, the first %+v", len(found), found[0])
	}
	if n := len(s.stored(topic, 1)); n != 0 {
		t.Errorf("%d messages delivered", n)
	}
}

func TestConformanceCheckBackGoesToAnotherInstance(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("heirs", 1), s.name("sellers")
	first, second := s.wire(), s.wire()
	first.heartbeat(s.name("first"), []string{group}, nil)
	first.sendHalf(topic, group, "orphan", nil)
	if err := first.conn.Close(); err != nil {
		t.Fatal(err)
	}
	second.heartbeat(s.name("second"), []string{group}, nil)
	check := second.await(remoting.CheckTransactionState)
	second.mustAsk(remoting.EndTransaction, checkedExt(group, check, remoting.SysFlagCommit), nil)
	eventually(t, "the orphan", func() bool { return s.copies(topic, 1, "orphan") == 1 })
}

func TestConformanceEveryCommitDelivers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("again", 1), s.name("sellers")
	w := s.wire()
	sent := w.sendHalf(topic, group, "again", nil)
	commit := endExt(t, group, sent, remoting.SysFlagCommit)
	w.mustAsk(remoting.EndTransaction, commit, nil)
	w.mustAsk(remoting.EndTransaction, commit, nil)
	eventually(t, "two deliveries of two commits", func() bool { return s.copies(topic, 1, "again") == 2 })

	sent = w.sendHalf(topic, group, "late", nil)
	w.mustAsk(remoting.EndTransaction, endExt(t, group, sent, remoting.SysFlagRollback), nil)
	w.mustAsk(remoting.EndTransaction, endExt(t, group, sent, remoting.SysFlagCommit), nil)
	eventually(t, "a commit after a rollback", func() bool { return s.copies(topic, 1, "late") == 1 })
}

func TestConformanceEndOfTransactionIsChecked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("mismatch", 1), s.name("sellers")
	w := s.wire()
	plain := w.mustAsk(remoting.SendMessage, sendExt(topic, map[string]string{"PGROUP": group}), []byte("plain"))
	sent := w.sendHalf(topic, group, "half", nil)
	s.settleAtEnd(group, sent)
	change := func(key, value string) map[string]string {
		ext := endExt(t, group, sent, remoting.SysFlagCommit)
		ext[key] = value
		return ext
	}
	for name, ext := range map[string]map[string]string{
		"another group":        change("producerGroup", "thieves"),
		"another queue offset": change("tranStateTableOffset", "999999"),
		"offset of nothing":    change("commitLogOffset", "999999999999"),
		"not a half message":   endExt(t, group, plain, remoting.SysFlagCommit),
	} {
		if f := w.ask(remoting.EndTransaction, ext, nil); f.Code != remoting.SystemError {
			t.Errorf("%s: answer %d %q, want %d", name, f.Code, f.Remark, remoting.SystemError)
		}
	}
	// An open end has no answer: the next frame belongs to the next request.
	w.send(remoting.EndTransaction, endExt(t, group, sent, 0), nil)
	w.mustAsk(remoting.SendMessage, sendExt(topic, nil), []byte("behind"))
	eventually(t, "the message behind", func() bool { return s.copies(topic, 1, "behind") == 1 })
	if n := s.copies(topic, 1, "half"); n != 0 {
		t.Errorf("delivered %d times without a commit that matches", n)
	}
}

func TestConformanceImmunityRefusesLateCommits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	topic, group := s.topic("immune", 1), s.name("sellers")
	w := s.wire()
	w.heartbeat(s.name("client"), []string{group}, nil)
	w.sendHalf(topic, group, "slow", map[string]string{"CHECK_IMMUNITY_TIME_IN_SECONDS": "1"})
	over := time.NewTimer(max(time.Second, s.checkAfter) + 100*time.Millisecond)
	late := checkedExt(group, w.await(remoting.CheckTransactionState), remoting.SysFlagCommit)
	late["fromTransactionCheck"] = "false"
	<-over.C
	if f := w.ask(remoting.EndTransaction, late, nil); f.Code != 604 {
		t.Errorf("late commit: answer %d %q, want 604", f.Code, f.Remark)
	}
	late["fromTransactionCheck"] = "true"
	w.mustAsk(remoting.EndTransaction, late, nil)
	eventually(t, "the answer to a check", func() bool { return s.copies(topic, 1, "slow") == 1 })
}

package broker_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"

	"boxoffice/broker"
)

// waitLimit bounds every wait for something that the client does in the
// background; it is far above what a loaded machine needs.
const waitLimit = 30 * time.Second

func TestMain(m *testing.M) {
	rlog.SetLogLevel("fatal")
	os.Exit(m.Run())
}

var instances atomic.Int64 // every client needs an instance name of its own

func newInstance(role string) string {
	return fmt.Sprintf("%s-%d-%d", role, os.Getpid(), instances.Add(1))
}

// server is what clients are pointed to: an embedded broker or a site.
type server interface{ Addr() string }

func resolver(b server) primitive.NsResolver {
	return primitive.NewPassthroughResolver([]string{b.Addr()})
}

func newProducer(t testing.TB, b server) rocketmq.Producer {
	t.Helper()
	p, err := rocketmq.NewProducer(
		producer.WithNsResolver(resolver(b)), producer.WithGroupName("plain-producers"),
		producer.WithInstanceName(newInstance("producer")), producer.WithRetry(0),
	)
	if err != nil {
		t.Fatalf("new producer: %v", err)
	}
	if err := p.Start(); err != nil {
		t.Fatalf("start producer: %v", err)
	}
	t.Cleanup(func() {
		if err := p.Shutdown(); err != nil {
			t.Logf("stop producer: %v", err)
		}
	})
	return p
}

// listener is a TransactionListener made of two functions.
type listener struct {
	execute func(*primitive.Message) primitive.LocalTransactionState
	check   func(*primitive.MessageExt) primitive.LocalTransactionState
}

func (l listener) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	return l.execute(m)
}

func (l listener) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	if l.check == nil {
		return primitive.UnknowState
	}
	return l.check(m)
}

func always(s primitive.LocalTransactionState) func(*primitive.Message) primitive.LocalTransactionState {
	return func(*primitive.Message) primitive.LocalTransactionState { return s }
}

func newTransactionProducer(t testing.TB, b server, group string, l listener) rocketmq.TransactionProducer {
	t.Helper()
	p, err := rocketmq.NewTransactionProducer(l,
		producer.WithNsResolver(resolver(b)), producer.WithGroupName(group),
		producer.WithInstanceName(newInstance("transaction")), producer.WithRetry(0),
	)
	if err != nil {
		t.Fatalf("new transaction producer: %v", err)
	}
	if err := p.Start(); err != nil {
		t.Fatalf("start transaction producer: %v", err)
	}
	t.Cleanup(func() {
		if err := p.Shutdown(); err != nil {
			t.Logf("stop transaction producer: %v", err)
		}
	})
	return p
}

func newTopic(t testing.TB, b *broker.Broker, name string, queues int) {
	t.Helper()
	a, err := admin.NewAdmin(admin.WithResolver(resolver(b)))
	if err != nil {
		t.Fatalf("new admin: %v", err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Logf("close admin: %v", err)
		}
	}()
	err = a.CreateTopic(context.Background(), admin.WithTopicCreate(name), admin.WithBrokerAddrCreate(b.Addr()),
		admin.WithReadQueueNums(queues), admin.WithWriteQueueNums(queues))
	if err != nil {
		t.Fatalf("create topic %s: %v", name, err)
	}
}

func send(t testing.TB, p rocketmq.Producer, m *primitive.Message) *primitive.SendResult {
	t.Helper()
	r, err := p.SendSync(context.Background(), m)
	if err != nil {
		t.Fatalf("send to %s: %v", m.Topic, err)
	}
	if r.Status != primitive.SendOK {
		t.Fatalf("send to %s: status %d", m.Topic, r.Status)
	}
	return r
}

// eventually waits until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(waitLimit)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, waitLimit)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// bodies returns the bodies of the messages a topic holds.
func bodies(b *broker.Broker, topic string) []string {
	var list []string
	for _, m := range b.Messages(topic) {
		list = append(list, string(m.Body))
	}
	return list
}

package site

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

func newSite(t *testing.T, topics ...string) *Site {
	t.Helper()
	s, err := Start("", topics...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newProducer(t *testing.T, s *Site) rocketmq.Producer {
	t.Helper()
	p, err := rocketmq.NewProducer(
		producer.WithNsResolver(s.Resolver()), producer.WithInstanceName(s.Instance("test")), producer.WithRetry(0),
	)
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown() })
	return p
}

func TestOnlyTopicsThatWereAskedForExist(t *testing.T) {
	s := newSite(t, "orders")
	p := newProducer(t, s)
	if _, err := p.SendSync(context.Background(), primitive.NewMessage("orders", []byte("one"))); err != nil {
		t.Errorf("send to a topic of the site: %v", err)
	}
	if _, err := p.SendSync(context.Background(), primitive.NewMessage("others", []byte("one"))); err == nil {
		t.Error("a topic that nobody has made took a message")
	}
}

func TestPassDeliversWhatWaits(t *testing.T) {
	s := newSite(t, "reminders")
	p := newProducer(t, s)
	if _, err := p.SendSync(context.Background(), primitive.NewMessage("reminders", []byte("pay")).WithDelayTimeLevel(3)); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Broker.Messages("reminders")); n != 0 {
		t.Errorf("%d messages are there before their time", n)
	}
	if err := s.Pass(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Broker.Messages("reminders")); n != 1 {
		t.Errorf("%d messages are there after their time, want 1", n)
	}
}

// A scene sent messages that had keys and no body: it ran on the embedded broker, and RocketMQ 5.3.3 answered with a
// NullPointerException.
func TestAMessageWithoutABodyIsRefused(t *testing.T) {
	s := newSite(t, "orders")
	if _, err := newProducer(t, s).SendSync(context.Background(), primitive.NewMessage("orders", nil).WithKeys([]string{"order-1"})); err == nil {
		t.Error("it was taken")
	}
}

// The topics of a real broker hold what earlier runs have left there.
func TestNamesOfARunOnARealBroker(t *testing.T) {
	if got := Name("", "orders"); got != "orders" {
		t.Errorf("on the embedded broker the name is %q", got)
	}
	if got := Name("127.0.0.1:9876", "orders"); !strings.HasPrefix(got, "orders-") {
		t.Errorf("on a real broker the name is %q", got)
	}
}

// Nobody is at the address: an example says so, and does not hang.
func TestStartFailsWithoutANameserver(t *testing.T) {
	if _, err := Start("127.0.0.1:1", "orders"); err == nil {
		t.Error("it started")
	}
}

// Each run of a scene that shuts a consumer down early ended with errors that were none.
func TestTheLogLeavesOutOurOwnShutdown(t *testing.T) {
	var written bytes.Buffer
	log := newLog(&written).With("component", "client")
	log.Error("fetch offset of mq from broker error", "underlay_error", "service close is not running, please check")
	log.Warn("slow")
	if written.Len() > 0 {
		t.Errorf("it says %s", &written)
	}
	log.Error("send failed", "underlay_error", "no route")
	if !strings.Contains(written.String(), "send failed") {
		t.Errorf("it says %q of an error", &written)
	}
}

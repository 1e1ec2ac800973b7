package broker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/broker"
)

// The README shows these lines.
func TestAsTheReadmeShows(t *testing.T) {
	b := broker.RunT(t)
	p, err := rocketmq.NewProducer(
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{b.Addr()})),
		producer.WithInstanceName(t.Name()),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown() })

	remove := b.Intercept(broker.SendMessage, func(*broker.Request) broker.Verdict { return broker.Fail(broker.MessageIllegal, "refused by the test") })
	message := primitive.NewMessage("reminders", []byte("pay!")).WithDelayTimeLevel(14) // ten minutes
	if _, err := p.SendSync(context.Background(), message); err == nil || !strings.Contains(err.Error(), "refused by the test") {
		t.Errorf("send: %v, want the refusal", err)
	}
	remove()
	if _, err := p.SendSync(context.Background(), primitive.NewMessage("reminders", []byte("pay!")).WithDelayTimeLevel(14)); err != nil {
		t.Fatal(err)
	}
	if n := len(b.Messages("reminders")); n != 0 {
		t.Errorf("%d messages before their time", n)
	}
	b.Advance(10 * time.Minute)
	if n := len(b.Messages("reminders")); n != 1 {
		t.Errorf("%d messages after ten minutes, want 1", n)
	}
}

package site

import (
	"context"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker"
)

// A scene has the same faults on a broker that it has not started.
func TestFaultsOfABrokerThatRunsElsewhere(t *testing.T) {
	elsewhere := broker.RunT(t)
	s, err := Start(elsewhere.Addr(), "news")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	network, err := s.Faults()
	if err != nil {
		t.Fatal(err)
	}
	if s.Nameservers[0] == elsewhere.Addr() {
		t.Error("clients are led past the faults")
	}
	p, err := s.NewProducer("writers")
	if err != nil {
		t.Fatal(err)
	}
	mend := network.Intercept(broker.SendMessage, func(*broker.Request) broker.Verdict {
		return broker.Fail(broker.MessageIllegal, "no news today")
	})
	if _, err := p.SendSync(context.Background(), primitive.NewMessage("news", []byte("rain"))); err == nil {
		t.Error("the fault did not come about")
	}
	mend()
	if _, err := p.SendSync(context.Background(), primitive.NewMessage("news", []byte("rain"))); err != nil {
		t.Error(err)
	}
	if n := len(elsewhere.Messages("news")); n != 1 {
		t.Errorf("the broker has %d messages, want 1", n)
	}
}

func TestAwaitLagWaits(t *testing.T) {
	s := newSite(t, "news")
	p := newProducer(t, s)
	waited := make(chan error, 1)
	go func() { waited <- s.AwaitLag("readers", "news", 2) }()
	for range 2 {
		select {
		case err := <-waited:
			t.Fatalf("it did not wait for both: %v", err)
		default:
		}
		if _, err := p.SendSync(context.Background(), primitive.NewMessage("news", []byte("rain"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

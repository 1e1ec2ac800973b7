// Package eventtest gives tests a sender to a broker that has the topics of an office.
package eventtest

import (
	"log/slog"
	"testing"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// NewSender returns a sender of a group to the broker at an address. It is closed when the test ends.
func NewSender(t testing.TB, address, group string) *mq.Sender {
	t.Helper()
	bus, err := mq.Open(t.Context(), mq.Config{NameServers: []string{address}, Process: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bus.Close(); err != nil {
			t.Errorf("close the bus: %v", err)
		}
	})
	if err := bus.Provision(t.Context(), event.Topics(1), nil); err != nil {
		t.Fatal(err)
	}
	sender, err := bus.NewSender(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sender.Close)
	return sender
}

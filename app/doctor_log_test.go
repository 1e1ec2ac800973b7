package app

import (
	"crypto/rand"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"boxoffice/app/settings"
	"boxoffice/broker"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// longAgo is a clock of last week.
type longAgo struct{}

func (longAgo) Now() time.Time { return time.Now().Add(-7 * 24 * time.Hour) }

// An office that keeps its messages for ever had been down for a week. The doctor opened its log with the broker's own limit of
// 72 hours, and ten seconds later what nobody had read was gone, with the dead letters that it was to mend.
func TestDoctorLeavesTheLogOfAStoppedOfficeAlone(t *testing.T) {
	dir := t.TempDir()
	writeOldLog(t, dir)
	before := logSegments(t, dir)
	if len(before) < 3 {
		t.Fatalf("%d segments, too few to delete one", len(before))
	}
	e := &examination{config: settings.Config{DataDir: dir, BrokerListen: "127.0.0.1:0"}}
	b, err := e.openBroker()
	if err != nil {
		t.Fatal(err)
	}
	b.Advance(0) // as the clock does every ten seconds: what is due is done
	if err := e.closeAll(stopTimeout); err != nil {
		t.Fatal(err)
	}
	if after := logSegments(t, dir); len(after) != len(before) {
		t.Errorf("%d of %d segments are left", len(after), len(before))
	}
}

// writeOldLog leaves a log of several segments, as an office does that is stopped.
func writeOldLog(t *testing.T, dir string) {
	t.Helper()
	b, err := broker.New(broker.WithDataDir(brokerDir(dir)), broker.WithSegmentBytes(64<<10), broker.WithClock(longAgo{}), broker.WithRetention(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	bus, err := mq.Open(t.Context(), mq.Config{NameServers: []string{b.Addr()}, Process: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bus.Close() }()
	if err := bus.Provision(t.Context(), event.Topics(1), nil); err != nil {
		t.Fatal(err)
	}
	sender, err := bus.NewSender(t.Context(), event.GroupStock)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	for range 30 {
		var m event.Wanted
		for range 500 {
			m.OrderIDs = append(m.OrderIDs, rand.Text())
		}
		if err := mq.Send(t.Context(), sender, event.TicketsWanted, "key", m); err != nil {
			t.Fatal(err)
		}
	}
}

func logSegments(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(brokerDir(dir), "log", "0*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

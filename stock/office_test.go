package stock

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"boxoffice/broker"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock/stocktest"
)

// office is stock that publishes through a real client and the embedded broker, or the one that BOXOFFICE_TEST_NAMESRV
// names.
type office struct {
	*Stock
	clock     *stocktest.Clock
	broker    *broker.Broker // nil for a real one
	sweeper   *Sweeper
	publisher *Republisher
}

func newOffice(t *testing.T, o Options) *office {
	t.Helper()
	office := &office{clock: stocktest.NewClock()}
	servers := strings.Split(os.Getenv("BOXOFFICE_TEST_NAMESRV"), ";")
	if servers[0] == "" {
		office.broker = broker.RunT(t)
		servers = []string{office.broker.Addr()}
	}
	bus, err := mq.Open(t.Context(), mq.Config{NameServers: servers, Process: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	if err := bus.Provision(t.Context(), []mq.TopicSpec{{Name: string(event.StockReserved), Queues: 1}}, nil); err != nil {
		t.Fatal(err)
	}
	o.Now = office.clock.Now
	office.Stock = New(stocktest.NewDB(t), o)
	sender, err := bus.NewSender(t.Context(), event.GroupStock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sender.Close)
	office.sweeper = NewSweeper(office.Stock, sender)
	office.publisher = NewRepublisher(office.Stock, sender)
	return office
}

// newFaultyOffice is an office whose broker has fault hooks.
func newFaultyOffice(t *testing.T, o Options) *office {
	t.Helper()
	office := newOffice(t, o)
	if office.broker == nil {
		t.Skip("needs the fault hooks of the embedded broker")
	}
	return office
}

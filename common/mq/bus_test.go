package mq_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/common/mq"
)

// patience bounds every wait of these tests. A real broker needs 6 to 12 seconds until it checks a half message back.
const patience = 60 * time.Second

// order is the payload of these tests.
type order struct {
	ID string `json:"id"`
}

// home is where the message queue of a test lives: the embedded broker, or the one that BOXOFFICE_TEST_NAMESRV names.
type home struct {
	servers []string
	broker  *broker.Broker // nil for a real one
	queue   faults         // of a faulty home
}

// faults are the hooks of the embedded broker, or of a proxy in front of a real one.
type faults interface {
	Intercept(code int, f func(*broker.Request) broker.Verdict) (remove func())
}

func newHome(t *testing.T) home {
	t.Helper()
	if servers := os.Getenv("BOXOFFICE_TEST_NAMESRV"); servers != "" {
		return home{servers: strings.Split(servers, ";")}
	}
	b := broker.RunT(t)
	return home{servers: []string{b.Addr()}, broker: b}
}

// newFaultyHome is a home with fault hooks.
func newFaultyHome(t *testing.T) home {
	t.Helper()
	h := newHome(t)
	if h.broker != nil {
		h.queue = h.broker
		return h
	}
	proxy := broker.RunProxyT(t, h.servers[0])
	return home{servers: []string{proxy.Addr()}, queue: proxy}
}

// newLoneHome is a home that no other test or system uses.
func newLoneHome(t *testing.T) home {
	t.Helper()
	h := newHome(t)
	if h.broker == nil {
		t.Skip("needs a broker that nobody else uses")
	}
	return h
}

// stored is how many messages a topic has.
func stored(t *testing.T, bus *mq.Bus, topic mq.Topic[order]) int64 {
	t.Helper()
	depths, err := bus.Inspect(t.Context(), mq.Subscription{Group: "nobody", Topic: string(topic)})
	if err != nil {
		t.Fatal(err)
	}
	return depths.Stored[string(topic)]
}

func (h home) open(t *testing.T) *mq.Bus {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	bus, err := mq.Open(t.Context(), mq.Config{NameServers: h.servers, Process: "test", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	return bus
}

func (h home) openWithPrefix(t *testing.T, prefix string) *mq.Bus {
	t.Helper()
	bus, err := mq.Open(t.Context(), mq.Config{
		NameServers: h.servers, Process: "test", Prefix: prefix, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	return bus
}

// eventually polls cond. It also moves the embedded broker's clock on, past the transaction timeout each time, because
// nothing else would make delays and check-backs fall due.
func (h home) eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	nudge := time.Now()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
		if h.broker != nil && time.Now().After(nudge) {
			h.broker.Advance(7 * time.Second)
			h.broker.CheckNow()
			nudge = time.Now().Add(500 * time.Millisecond)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// receive waits for the next value of a channel.
func receive[T any](t *testing.T, h home, what string, values <-chan T) T {
	t.Helper()
	var value T
	h.eventually(t, what, func() bool {
		select {
		case value = <-values:
			return true
		default:
			return false
		}
	})
	return value
}

// unique is a topic or group name that no other test or run has.
func unique(t *testing.T) string {
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == ' ' {
			return '-'
		}
		return r
	}, t.Name())
	return name + "-" + strings.ToLower(rand.Text()[:8])
}

// newTopic provisions a topic of one queue, with consumer groups.
func newTopic(t *testing.T, bus *mq.Bus, groups ...string) mq.Topic[order] {
	t.Helper()
	name := unique(t)
	if err := bus.Provision(t.Context(), []mq.TopicSpec{{Name: name, Queues: 1}}, groups); err != nil {
		t.Fatal(err)
	}
	return mq.Topic[order](name)
}

func TestOpenFailsWhenNothingListens(t *testing.T) {
	openFails(t, newAddress(t))
}

// A nameserver behind a dead firewall accepts and never answers.
func TestOpenFailsWhenNothingAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	openFails(t, listener.Addr().String())
}

func openFails(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := mq.Open(ctx, mq.Config{NameServers: []string{address}, Process: "test", Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("open: %v, want ErrUnavailable", err)
	}
	if ctx.Err() != nil {
		t.Error("open took its caller's patience")
	}
}

func TestOpenTakesTheNameserverThatAnswers(t *testing.T) {
	h := newHome(t)
	h.servers = append([]string{"127.0.0.1:1"}, h.servers...)
	bus := h.open(t)
	if err := bus.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestProvisionAgainChangesNothing(t *testing.T) {
	bus := newHome(t).open(t)
	topics := []mq.TopicSpec{{Name: unique(t), Queues: 4}}
	groups := []string{unique(t)}
	for range 2 {
		if err := bus.Provision(t.Context(), topics, groups); err != nil {
			t.Fatal(err)
		}
	}
	topics[0].Queues = 2 // another version of the program, which wants fewer
	if err := bus.Provision(t.Context(), topics, groups); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{topics[0].Name: 4, "%RETRY%" + groups[0]: 1, "%DLQ%" + groups[0]: 1} {
		queues, err := mq.Queues(t.Context(), bus, name)
		if err != nil || queues != want {
			t.Errorf("topic %q has %d queues, want %d: %v", name, queues, want, err)
		}
	}
}

// The client's own admin takes a refusal for a success.
func TestProvisionTellsARefusal(t *testing.T) {
	h := newFaultyHome(t)
	h.queue.Intercept(broker.UpdateAndCreateTopic, func(*broker.Request) broker.Verdict { return broker.Fail(broker.SystemError, "disk full") })
	bus := h.open(t)
	err := bus.Provision(t.Context(), []mq.TopicSpec{{Name: unique(t), Queues: 1}}, nil)
	if err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("provision: %v, want the broker's word", err)
	}
}

func TestProvisionRefusesNonsense(t *testing.T) {
	bus := newHome(t).open(t)
	for _, topic := range []mq.TopicSpec{{Name: "", Queues: 1}, {Name: "x", Queues: 0}, {Name: "x", Queues: 1 << 20}} {
		if err := bus.Provision(t.Context(), []mq.TopicSpec{topic}, nil); err == nil {
			t.Errorf("provisioned %+v", topic)
		}
	}
}

// A group of 121 characters has a retry topic of 128, which no broker makes: its consumer got nothing, in silence. So it
// is with a shorter one behind a prefix.
func TestNamesThatCannotWorkAreRefused(t *testing.T) {
	prefix := "p" + strings.ToLower(rand.Text()[:10]) + "_"
	bus := newHome(t).openWithPrefix(t, prefix)
	name := func(n int) string { return strings.Repeat("g", n) }
	fits := 120 - len(prefix)
	none := mq.Handle(mq.Topic[order]("t"), func(context.Context, order) error { return nil })
	for what, try := range map[string]func(group string) error{
		"provision": func(group string) error { return bus.Provision(t.Context(), nil, []string{group}) },
		"consume": func(group string) error {
			_, err := bus.Consume(t.Context(), mq.ConsumeOptions{Group: group, Concurrency: 1, Timeout: time.Second}, none)
			return err
		},
		"send":     func(group string) error { _, err := bus.NewSender(t.Context(), group); return err },
		"transact": func(group string) error { _, err := bus.NewTransactor(t.Context(), group, noCheck(t)); return err },
	} {
		if err := try(name(fits + 1)); err == nil || !strings.Contains(err.Error(), "1 to 120") {
			t.Errorf("%s with a group of %d characters: %v", what, fits+1, err)
		}
	}
	if err := bus.Provision(t.Context(), nil, []string{name(fits)}); err != nil {
		t.Errorf("a group of %d characters: %v", fits, err)
	}
	if err := bus.Provision(t.Context(), []mq.TopicSpec{{Name: name(128 - len(prefix)), Queues: 1}}, nil); err == nil {
		t.Error("provisioned a topic with too long a name")
	}
}

// newAddress is a loopback address on which nothing listens.
func newAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func TestBrokerGoesAndComesBack(t *testing.T) {
	if os.Getenv("BOXOFFICE_TEST_NAMESRV") != "" {
		t.Skip("needs a broker of its own to stop")
	}
	address, dir := newAddress(t), t.TempDir()
	start := func() *broker.Broker {
		return broker.RunT(t, broker.WithListen(address), broker.WithDataDir(dir))
	}
	first := start()
	bus := home{servers: []string{address}, broker: first}.open(t)
	topic, sender := newTopic(t, bus), newSender(t, bus)
	transactor := newTransactor(t, bus, unique(t), noCheck(t))
	if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	if err := bus.Ping(t.Context()); !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("ping: %v, want ErrUnavailable", err)
	}
	if err := mq.Send(t.Context(), sender, topic, "k", order{"2"}); !errors.Is(err, mq.ErrNotSent) || !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("send: %v, want ErrNotSent and ErrUnavailable", err)
	}
	_, err := mq.SendHalf(t.Context(), transactor, topic, unique(t), order{"3"}, func(context.Context) mq.Outcome {
		t.Error("local ran without a broker")
		return mq.Commit
	})
	if !errors.Is(err, mq.ErrNotSent) || !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("send half: %v, want ErrNotSent and ErrUnavailable", err)
	}

	second := home{broker: start()}
	if err := bus.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := mq.Send(t.Context(), sender, topic, "k", order{"4"}); err != nil {
		t.Error(err)
	}
	if _, err := mq.SendHalf(t.Context(), transactor, topic, unique(t), order{"5"}, answer(mq.Commit)); err != nil {
		t.Error(err)
	}
	second.eventually(t, "three messages", func() bool { return len(second.broker.Messages(string(topic))) == 3 })
}

func TestCloseEndsWhatIsOpen(t *testing.T) {
	bus := newHome(t).open(t)
	topic := newTopic(t, bus)
	sender, err := bus.NewSender(t.Context(), unique(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := bus.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := mq.Send(t.Context(), sender, topic, "k", order{"1"}); !errors.Is(err, mq.ErrNotSent) {
		t.Errorf("send after close: %v", err)
	}
	if _, err := bus.NewSender(t.Context(), unique(t)); !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("new sender after close: %v", err)
	}
}

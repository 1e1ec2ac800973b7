package app

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/common/db/dbtest"
)

// messageQueue is what these tests need of a message queue: the embedded broker has it, and so has a proxy in front of a
// real RocketMQ.
type messageQueue interface {
	Addr() string
	Intercept(code int, f func(*broker.Request) broker.Verdict) (remove func())
	DeliverTwice(on bool)
}

// home is where an office lives: the embedded broker and SQLite, or the RocketMQ and the MySQL server that
// BOXOFFICE_TEST_NAMESRV and BOXOFFICE_TEST_MYSQL name. Offices that share one share everything.
type home struct {
	queue      messageQueue
	broker     *broker.Broker // nil on a real RocketMQ
	nameServer string         // empty: each office brings its embedded broker
	prefix     string         // of topics and groups
	dir        string
	stockDSN   string
	orderDSN   string
}

// onStack tells whether the tests run on a real RocketMQ and a real MySQL; one without the other is a mistake.
func onStack(t *testing.T) bool {
	t.Helper()
	queue, database := os.Getenv("BOXOFFICE_TEST_NAMESRV") != "", os.Getenv("BOXOFFICE_TEST_MYSQL") != ""
	if queue != database {
		t.Fatal("set both BOXOFFICE_TEST_NAMESRV and BOXOFFICE_TEST_MYSQL, or neither")
	}
	return queue
}

// slow lets a test that mostly waits run beside others, unless it may kill what the others use.
func slow(t *testing.T) {
	t.Helper()
	if !onStack(t) {
		t.Parallel()
	}
}

// newHome makes a home that nobody else has. The options are for the embedded broker.
func newHome(t *testing.T, options ...broker.Option) home {
	t.Helper()
	h := newDatabases(t)
	if onStack(t) {
		h.prefix = newPrefix()
		h.queue = broker.RunProxyT(t, stackNameServer())
		h.nameServer = h.queue.Addr()
		return h
	}
	h.broker = broker.RunT(t, append([]broker.Option{
		broker.WithTransactionTimeout(time.Second), broker.WithTransactionCheckInterval(500 * time.Millisecond),
	}, options...)...)
	h.queue = h.broker
	h.nameServer = h.queue.Addr()
	return h
}

func newDatabases(t *testing.T) home {
	t.Helper()
	h := home{dir: t.TempDir()}
	if onStack(t) {
		h.stockDSN, h.orderDSN = dbtest.DSN(t), dbtest.DSN(t)
	} else {
		h.stockDSN, h.orderDSN = "sqlite:"+filepath.Join(h.dir, "stock.db"), "sqlite:"+filepath.Join(h.dir, "order.db")
	}
	return h
}

func newPrefix() string { return "t" + strings.ToLower(rand.Text()[:10]) + "_" }

func stackNameServer() string {
	first, _, _ := strings.Cut(os.Getenv("BOXOFFICE_TEST_NAMESRV"), ";")
	return first
}

// topic is what the broker calls one of the office's topics.
func (h home) topic(name string) string { return h.prefix + name }

// environment is the configuration of an office in this home.
func (h home) environment() map[string]string {
	return map[string]string{
		"BOXOFFICE_LISTEN":         "127.0.0.1:0",
		"BOXOFFICE_ADMIN_LISTEN":   "127.0.0.1:0",
		"BOXOFFICE_DATA_DIR":       h.dir,
		"BOXOFFICE_NAMESRV":        h.nameServer,
		"BOXOFFICE_STOCK_DSN":      h.stockDSN,
		"BOXOFFICE_ORDER_DSN":      h.orderDSN,
		"BOXOFFICE_QUEUE_PREFIX":   h.prefix,
		"BOXOFFICE_JWT_SECRET":     testJWTSecret,
		"BOXOFFICE_WEBHOOK_SECRET": testWebhookSecret(),
	}
}

// advance moves the clock of the office and, where the test controls it, the broker's.
func (o *officeTest) advance(d time.Duration) {
	o.t.Helper()
	o.clock.offset.Add(int64(d))
	if o.broker != nil {
		o.broker.Advance(d)
	}
}

// withoutChecks drops the broker's questions about half messages, for a test that counts messages. A real broker keeps the end of a
// transaction in memory for a moment before it records it: one that stalls meanwhile asks about what was committed already, and
// the answer commits it once more. Whoever consumes has to bear that second message; a count of messages does not.
func (h home) withoutChecks(t *testing.T) {
	t.Helper()
	t.Cleanup(h.queue.Intercept(broker.CheckTransactionState, func(*broker.Request) broker.Verdict { return broker.Drop }))
}

// needsBrokerClock skips a test on a real RocketMQ, whose clock is the machine's.
func (h home) needsBrokerClock(t *testing.T) {
	t.Helper()
	if h.broker == nil {
		t.Skip("needs a broker whose clock the test controls")
	}
}

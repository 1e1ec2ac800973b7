package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"boxoffice/broker"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

const (
	// The baselines get what the office gives itself.
	maxBatch        = 256
	topicQueues     = 4
	consumerWorkers = 8
	handlerTimeout  = 30 * time.Second

	// benchTopic carries the messages of the baselines. Nobody consumes them, which is to the baselines' favour.
	benchTopic mq.Topic[event.Reserved] = "bench-orders"
	// benchDue carries the delay messages of the baseline for expiry.
	benchDue   mq.Topic[event.Due] = "bench-due"
	benchGroup string              = "bench-baseline"

	dropTimeout = 20 * time.Second // of a database on a server
)

// home says where the message queue and the databases of a measurement are.
type home struct {
	name     string
	namesrv  []string // empty: a new embedded broker for each measurement
	stockDSN string   // empty: SQLite
	orderDSN string
	prefix   string // of topics and groups: a cluster has other users
	log      *slog.Logger

	baselineDSN string // database of the baselines, when a parent process has made it
}

// embeddedHome is the home that needs nothing but this machine: the embedded broker and SQLite.
func embeddedHome(log *slog.Logger) home { return home{name: "embedded", log: log} }

// stackHome is the home on a real RocketMQ and MySQL, which the environment names.
func stackHome(getenv func(string) string, log *slog.Logger) (home, error) {
	h := home{
		name: "stack", log: log, prefix: "bench-" + strings.ToLower(rand.Text()[:6]) + "-",
		namesrv:  strings.FieldsFunc(getenv("BOXOFFICE_NAMESRV"), func(r rune) bool { return r == ';' || r == ',' || r == ' ' }),
		stockDSN: getenv("BOXOFFICE_STOCK_DSN"), orderDSN: getenv("BOXOFFICE_ORDER_DSN"),
	}
	if len(h.namesrv) == 0 || h.stockDSN == "" || h.orderDSN == "" {
		return home{}, errors.New("set BOXOFFICE_NAMESRV, BOXOFFICE_STOCK_DSN and BOXOFFICE_ORDER_DSN: see go run ./scripts/stack env")
	}
	return h, nil
}

// fixture is what one measurement runs on: a message queue, and databases that it makes. Whatever is opened on it ends
// with it.
type fixture struct {
	home
	dir     string
	broker  *broker.Broker // nil on a stack
	bus     *mq.Bus
	closers []func() error // in opening order
}

func (f *fixture) onClose(end func() error) { f.closers = append(f.closers, end) }

func (f *fixture) close() error {
	var err error
	for i := len(f.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, f.closers[i]())
	}
	f.closers = nil
	return err
}

// open starts a broker if the home has none, and a bus with every topic. The caller closes the fixture, also after an
// error.
func (h home) open(ctx context.Context, dir string) (*fixture, error) {
	f, servers := &fixture{home: h, dir: dir}, h.namesrv
	if len(servers) == 0 {
		b, err := broker.New(broker.WithDataDir(filepath.Join(dir, "broker")))
		if err != nil {
			return f, fmt.Errorf("start broker: %w", err)
		}
		f.onClose(b.Close)
		f.broker, servers = b, []string{b.Addr()}
	}
	bus, err := mq.Open(ctx, mq.Config{NameServers: servers, Process: "bench", Prefix: h.prefix, Log: h.log})
	if err != nil {
		return f, fmt.Errorf("open message queue: %w", err)
	}
	f.onClose(bus.Close)
	f.bus = bus
	return f, bus.Provision(ctx,
		append(event.Topics(topicQueues),
			mq.TopicSpec{Name: string(benchTopic), Queues: topicQueues}, mq.TopicSpec{Name: string(benchDue), Queues: topicQueues}),
		append(event.ConsumerGroups(), benchGroup))
}

// dsn names a fresh database. On a server it is dropped when the fixture closes.
func (f *fixture) dsn(ctx context.Context, name string) (string, error) {
	if f.stockDSN == "" {
		return "sqlite:" + filepath.Join(f.dir, name+".db"), nil
	}
	server, err := url.Parse(f.stockDSN)
	if err != nil {
		return "", errors.New("the stock DSN must have the form mysql://user:password@host:port/database")
	}
	admin, err := db.Open(ctx, f.stockDSN)
	if err != nil {
		return "", err
	}
	if err := durable(ctx, admin); err != nil {
		return "", errors.Join(err, admin.Close())
	}
	schema := "boxoffice_test_bench_" + strings.ToLower(rand.Text()[:10])
	exec := func(ctx context.Context, statement string) error {
		return admin.InTx(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, statement)
			return err
		})
	}
	if err := exec(ctx, "CREATE DATABASE "+schema+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
		return "", errors.Join(fmt.Errorf("make database (the account needs rights on boxoffice_test_*): %w", err), admin.Close())
	}
	f.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
		defer cancel()
		return errors.Join(exec(ctx, "DROP DATABASE "+schema), admin.Close())
	})
	server.Path = "/" + schema
	return server.String(), nil
}

// database makes a fresh database with a schema of the box office.
func (f *fixture) database(ctx context.Context, name string, migrations func() (fs.FS, error)) (*db.DB, error) {
	dsn, err := f.dsn(ctx, name)
	if err != nil {
		return nil, err
	}
	d, err := f.openDB(ctx, dsn)
	if err != nil {
		return nil, err
	}
	schema, err := migrations()
	if err != nil {
		return nil, err
	}
	return d, d.Migrate(ctx, schema)
}

func (f *fixture) openDB(ctx context.Context, dsn string) (*db.DB, error) {
	d, err := db.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	f.onClose(d.Close)
	return d, nil
}

// durable refuses to compare databases that do not wait for the disk.
func durable(ctx context.Context, d *db.DB) error {
	var flush int
	if err := d.Reader().GetContext(ctx, &flush, `SELECT @@innodb_flush_log_at_trx_commit`); err != nil {
		return fmt.Errorf("ask for the database's durability: %w", err)
	}
	if flush != 1 {
		return fmt.Errorf("set innodb_flush_log_at_trx_commit to 1: it is %d, and SQLite is measured with synchronous=FULL", flush)
	}
	return nil
}

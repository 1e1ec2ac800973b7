package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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
	// As app/serve.go has them.
	topicQueues     = 4
	consumerWorkers = 8
	handlerTimeout  = 30 * time.Second

	// benchTopic carries the messages of the baselines. Nobody consumes them, which is to the baselines' favour.
	benchTopic mq.Topic[event.Reserved] = "bench-orders"
	benchGroup string                   = "bench-baseline"

	closeTimeout = 20 * time.Second
)

// home says where the message queue and the databases are.
type home struct {
	name     string
	namesrv  []string // empty: a new embedded broker for each slot
	stockDSN string   // empty: SQLite
	orderDSN string
	prefix   string // of topics and groups: a cluster has other users
	log      *slog.Logger

	ledgerDSN string // of the baselines, when a parent process has made the database
}

func embeddedHome(log *slog.Logger) home { return home{name: "embedded", log: log} }

// stackHome reads where a real RocketMQ and MySQL are.
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

// rig is a message queue and fresh databases, for one slot.
type rig struct {
	home
	dir     string
	broker  *broker.Broker // nil on a stack
	servers []string
	bus     *mq.Bus
	closers []func() error // in opening order
}

func (r *rig) onClose(f func() error) { r.closers = append(r.closers, f) }

func (r *rig) close() error {
	var err error
	for i := len(r.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, r.closers[i]())
	}
	r.closers = nil
	return err
}

// open starts a broker if there is none, and a bus with every topic. What is opened is closed by close, also after an
// error.
func (h home) open(ctx context.Context, dir string, options ...broker.Option) (*rig, error) {
	r := &rig{home: h, dir: dir, servers: h.namesrv}
	if len(r.servers) == 0 {
		b, err := broker.New(append([]broker.Option{broker.WithDataDir(filepath.Join(dir, "broker"))}, options...)...)
		if err != nil {
			return r, fmt.Errorf("start broker: %w", err)
		}
		r.onClose(b.Close)
		r.broker, r.servers = b, []string{b.Addr()}
	}
	bus, err := mq.Open(ctx, mq.Config{NameServers: r.servers, Process: "bench", Prefix: h.prefix, Log: h.log})
	if err != nil {
		return r, fmt.Errorf("open message queue: %w", err)
	}
	r.onClose(bus.Close)
	r.bus = bus
	return r, bus.Provision(ctx,
		[]mq.TopicSpec{
			{Name: string(event.StockReserved), Queues: topicQueues},
			{Name: string(event.PaymentDue), Queues: topicQueues},
			{Name: string(event.OrderSettled), Queues: topicQueues},
			{Name: string(benchTopic), Queues: topicQueues},
			{Name: string(benchDue), Queues: topicQueues},
		},
		[]string{event.GroupCreate, event.GroupTimeout, event.GroupSettle, benchGroup})
}

// dsn names a fresh database, which goes when the rig closes.
func (r *rig) dsn(ctx context.Context, name string) (string, error) {
	if r.stockDSN == "" {
		return "sqlite:" + filepath.Join(r.dir, name+".db"), nil
	}
	server, err := url.Parse(r.stockDSN)
	if err != nil {
		return "", errors.New("the stock DSN must have the form mysql://user:password@host:port/database")
	}
	admin, err := db.Open(ctx, r.stockDSN)
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
	r.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		return errors.Join(exec(ctx, "DROP DATABASE "+schema), admin.Close())
	})
	server.Path = "/" + schema
	return server.String(), nil
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

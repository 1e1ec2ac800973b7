package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"boxoffice/api"
	"boxoffice/broker"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/sale"
	"boxoffice/sql"
	"boxoffice/stock"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

const (
	topicQueues     = 4
	consumerWorkers = 8
	handlerTimeout  = 30 * time.Second
	drainTimeout    = 20 * time.Second
)

// serve opens everything in the order in which it depends on each other, says that it is ready, and closes it the other
// way round when ctx ends: not ready, HTTP, consumers, sweeper, services, producers, databases, broker.
func serve(ctx context.Context, config Config, now func() time.Time, stdout io.Writer) (err error) {
	o := &office{
		config: config, now: now,
		log:      slog.New(slog.NewTextHandler(stdout, &slog.HandlerOptions{Level: config.LogLevel})),
		registry: prometheus.NewRegistry(),
	}
	o.registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	defer func() { err = errors.Join(err, o.close()) }()
	// What is under way when ctx ends is finished, not cut off: only the closers below end it.
	background := context.WithoutCancel(ctx)
	for _, open := range []func(context.Context) error{
		o.openBroker, o.openDemoSecrets, o.openDatabases, o.openOwner, o.openQueue, o.openServices, o.addMetrics, o.openConsumers, o.openHTTP,
	} {
		if err := open(background); err != nil {
			return err
		}
	}
	o.ready.Store(true)
	_, _ = fmt.Fprintln(stdout, o.readyLine())
	return o.wait(ctx)
}

// wait returns when ctx ends, or with what the office cannot go on without.
func (o *office) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-o.failed:
		return err
	case <-o.brokerFailed:
		return errBrokerFailed
	}
}

// errBrokerFailed comes beside the log's own error, with which closing the broker fails.
var errBrokerFailed = errors.New("the embedded broker can store nothing any more: look at its disk, and start again, so that it recovers what is there")

// office is one running process and what must be closed when it stops.
type office struct {
	config   Config
	now      func() time.Time
	log      *slog.Logger
	registry *prometheus.Registry
	ready    atomic.Bool
	failed   chan error
	// brokerFailed is closed when the embedded broker's log has failed; nil without one.
	brokerFailed <-chan struct{}

	nameServers []string
	stockDB     *db.DB
	orderDB     *db.DB
	owner       string
	bus         *mq.Bus
	stock       *stock.Stock
	publisher   *stock.Publisher
	transactor  *mq.Transactor
	seller      *sale.Seller
	purchases   *purchases // the seller, counted
	orders      *order.Orders
	shop, admin net.Listener

	closers []func() error // in opening order
}

func (o *office) onClose(f func() error) { o.closers = append(o.closers, f) }

func (o *office) close() error {
	o.ready.Store(false)
	var err error
	for i := len(o.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, o.closers[i]())
	}
	o.closers = nil
	return err
}

func (o *office) openBroker(context.Context) error {
	o.nameServers = o.config.NameServers
	if len(o.nameServers) > 0 {
		return nil
	}
	b, err := broker.New(
		broker.WithListen(o.config.BrokerListen),
		broker.WithDataDir(brokerDir(o.config.DataDir)),
		broker.WithLogger(o.log.With("part", "broker")),
		broker.WithRetention(o.config.LogAge, o.config.LogBytes),
		broker.WithCutDamage(o.config.CutDamage),
	)
	if errors.As(err, new(*broker.DamageError)) {
		return fmt.Errorf("set BOXOFFICE_CUT_DAMAGE=true for one start to give up what is damaged: %w", err)
	}
	if err != nil {
		return fmt.Errorf("set BOXOFFICE_DATA_DIR to a directory of this process alone, BOXOFFICE_BROKER_LISTEN to a free address: %w", err)
	}
	o.onClose(b.Close)
	if err := writeNameServer(o.config.DataDir, b.Addr()); err != nil {
		return fmt.Errorf("note the broker's address: %w", err)
	}
	o.brokerFailed = b.Failed()
	o.nameServers = []string{b.Addr()}
	return nil
}

func (o *office) openDatabases(ctx context.Context) (err error) {
	if o.stockDB, err = o.openDatabase(ctx, o.config.StockDSN, sql.Stock); err != nil {
		return fmt.Errorf("set BOXOFFICE_STOCK_DSN to a database that this office can use: %w", err)
	}
	if o.orderDB, err = o.openDatabase(ctx, o.config.OrderDSN, sql.Order); err != nil {
		return fmt.Errorf("set BOXOFFICE_ORDER_DSN to a database that this office can use: %w", err)
	}
	return nil
}

func (o *office) openDatabase(ctx context.Context, dsn string, migrations func() (fs.FS, error)) (*db.DB, error) {
	d, err := db.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	o.onClose(d.Close)
	schema, err := migrations()
	if err != nil {
		return nil, err
	}
	return d, d.Migrate(ctx, schema)
}

func (o *office) openQueue(ctx context.Context) error {
	bus, err := mq.Open(ctx, mq.Config{
		NameServers: o.nameServers, Process: "boxoffice", Prefix: o.config.QueuePrefix, Owner: o.owner, Log: o.log.With("part", "mq"),
	})
	if err != nil {
		return fmt.Errorf("set BOXOFFICE_NAMESRV to a nameserver that has a broker: %w", err)
	}
	o.bus = bus
	o.onClose(bus.Close)
	if err := bus.Claim(ctx); errors.Is(err, mq.ErrForeign) {
		return fmt.Errorf("set BOXOFFICE_QUEUE_PREFIX, so that this office gets names of its own: %w", err)
	} else if err != nil {
		return err
	}
	return bus.Provision(ctx,
		[]mq.TopicSpec{
			{Name: string(event.StockReserved), Queues: topicQueues},
			{Name: string(event.PaymentDue), Queues: topicQueues},
			{Name: string(event.OrderSettled), Queues: topicQueues},
		},
		[]string{event.GroupCreate, event.GroupTimeout, event.GroupSettle})
}

func (o *office) openServices(ctx context.Context) error {
	o.stock = stock.New(o.stockDB, stock.Options{SweepGrace: o.config.SweepGrace, Now: o.now, Log: o.log.With("part", "stock")})
	sender, err := o.bus.NewSender(ctx, event.GroupOrder)
	if err != nil {
		return err
	}
	o.onClose(func() error { sender.Close(); return nil })
	o.orders = order.New(ctx, o.orderDB, sender, order.Options{
		MaxBatch: o.config.MaxBatch, Now: o.now, Log: o.log.With("part", "order"),
	})
	o.onClose(func() error { o.orders.Close(); return nil })
	if o.config.HasRole(roleStock) {
		if err := o.startSweeper(ctx); err != nil {
			return err
		}
		o.startArchiver(ctx)
	}
	if o.config.HasRole(roleAPI) {
		return o.startSeller(ctx)
	}
	return nil
}

func (o *office) startSweeper(ctx context.Context) error {
	sender, err := o.bus.NewSender(ctx, event.GroupStock)
	if err != nil {
		return err
	}
	o.onClose(func() error { sender.Close(); return nil })
	o.publisher = stock.NewPublisher(o.stock, sender)
	sweeper := stock.NewSweeper(o.stock, sender)
	o.start(ctx, sweeper.Run)
	return nil
}

// start runs what goes on until the office closes.
func (o *office) start(ctx context.Context, run func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	o.onClose(func() error { cancel(); <-done; return nil })
}

func (o *office) startSeller(ctx context.Context) error {
	transactor, err := o.bus.NewTransactor(ctx, event.GroupPurchase, o.stock.Check)
	if err != nil {
		return err
	}
	o.transactor = transactor
	o.onClose(func() error { return withTimeout(ctx, transactor.Close) })
	sizes := halfSizes()
	if err := o.registry.Register(sizes); err != nil {
		return err
	}
	o.seller = sale.NewSeller(ctx, o.stock, transactor, sale.Options{
		PayWindow: o.config.PayWindow, MaxBatch: o.config.MaxBatch, Now: o.now, Log: o.log.With("part", "sale"),
		OnHalf: func(orders int) { sizes.Observe(float64(orders)) },
	})
	o.onClose(func() error { o.seller.Close(); return nil })
	if o.config.Demo {
		return o.seedDemo(ctx)
	}
	return nil
}

// openConsumers starts the steps that messages wake; the table reads as the life of a purchase after its reservation.
func (o *office) openConsumers(ctx context.Context) error {
	for _, step := range []struct {
		role, group string
		handler     mq.Handler
	}{
		{roleOrder, event.GroupCreate, mq.Handle(event.StockReserved, o.orders.Create)},
		{roleOrder, event.GroupTimeout, mq.Handle(event.PaymentDue, o.orders.Timeout)},
		{roleStock, event.GroupSettle, mq.Handle(event.OrderSettled, o.publisher.Settle)},
	} {
		if !o.config.HasRole(step.role) {
			continue
		}
		consumer, err := o.bus.Consume(ctx, mq.ConsumeOptions{
			Group: step.group, Concurrency: consumerWorkers, Timeout: handlerTimeout, Passes: passes,
		}, step.handler)
		if err != nil {
			return err
		}
		o.onClose(func() error { return withTimeout(ctx, consumer.Close) })
	}
	return nil
}

// passes tells the errors of an outage, or of a race that was lost again and again, from those of a message.
func passes(err error) bool {
	return slices.ContainsFunc([]error{mq.ErrUnavailable, stock.ErrUnavailable, stock.ErrBusy, order.ErrUnavailable, order.ErrBusy},
		func(known error) bool { return errors.Is(err, known) })
}

// openHTTP binds before it serves, so that a taken port stops the start. The operators' listener is closed last: it says
// "not ready" while the shop finishes what it has.
func (o *office) openHTTP(context.Context) (err error) {
	o.failed = make(chan error, 2)
	if o.admin, err = o.listen(o.config.AdminListen, "BOXOFFICE_ADMIN_LISTEN"); err != nil {
		return err
	}
	o.serveHTTP(o.admin, api.Admin(api.AdminOptions{Probes: o.probes(), Registry: o.registry, Log: o.log.With("part", "admin")}))
	if o.config.HasRole(roleAPI) {
		if o.shop, err = o.listen(o.config.Listen, "BOXOFFICE_LISTEN"); err != nil {
			return err
		}
		handler, err := api.New(o.shopOptions())
		if err != nil {
			return err
		}
		o.serveHTTP(o.shop, handler)
	}
	return nil
}

func (o *office) shopOptions() api.Options {
	options := api.Options{
		Stock: o.stock, Seller: o.purchases, Orders: o.orders,
		JWTSecret: []byte(o.config.JWTSecret), WebhookSecrets: o.config.WebhookSecrets,
		BuyerRate: o.config.BuyerRate, AddressRate: o.config.AddressRate,
		Metrics: o.registry, Now: o.now, Log: o.log.With("part", "api"),
	}
	if o.config.Demo {
		options.Demo = &api.Demo{CallbackURL: func() string { return "http://" + o.shop.Addr().String() + "/v1/payments/callback" }}
	}
	return options
}

func (o *office) listen(addr, setting string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("set %s to a free address: %w", setting, err)
	}
	o.onClose(func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil // the server that served it has closed it
	})
	return l, nil
}

func (o *office) serveHTTP(l net.Listener, handler http.Handler) {
	server := api.NewServer(handler)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			o.failed <- fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
		}
	}()
	o.onClose(func() error { return withTimeout(context.Background(), server.Shutdown) })
}

func (o *office) readyLine() string {
	var line strings.Builder
	line.WriteString("boxoffice is ready: ")
	if o.shop != nil {
		fmt.Fprintf(&line, "shop http://%s, ", o.shop.Addr())
	}
	fmt.Fprintf(&line, "admin http://%s, nameserver %s", o.admin.Addr(), strings.Join(o.nameServers, ";"))
	if len(o.config.NameServers) == 0 {
		line.WriteString(" (embedded)")
	}
	fmt.Fprintf(&line, ", roles %s", strings.Join(o.config.Roles, ","))
	if o.config.Demo {
		line.WriteString(", demo: anybody gets a token")
	}
	return line.String()
}

func withTimeout(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	return f(ctx)
}

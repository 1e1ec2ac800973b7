package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"boxoffice/api"
	"boxoffice/app/settings"
	"boxoffice/common/db"
	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/stock"
)

// runServe runs the office, which is what the program does without a command. It opens every part in the order in which
// they depend on each other, prints that it is ready, and closes them in the reverse order when ctx ends.
func runServe(ctx context.Context, call settings.Invocation) (err error) {
	config, err := settings.Parse(call)
	if err != nil {
		return err
	}
	o, err := openOffice(ctx, config, call, config.LogFormat.New(call.Stdout, config.LogLevel))
	defer func() { err = errors.Join(err, o.stop(err)) }()
	if err != nil {
		return err
	}
	o.sayReady(call.Stdout)
	return o.wait(ctx)
}

// openOffice opens every part. The caller closes the office, also after an error.
func openOffice(ctx context.Context, config settings.Config, call settings.Invocation, log *slog.Logger) (*office, error) {
	o := &office{config: config, log: log, registry: prometheus.NewRegistry()}
	o.setClock(call.Now, call.Ages, call.Skew)
	o.logStart()
	o.registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// What has begun when ctx ends is finished and not cut off: no part sees ctx end, each is closed.
	background := context.WithoutCancel(ctx)
	for _, open := range o.openingOrder() {
		if err := open(background); err != nil {
			return o, err
		}
	}
	o.ready.Store(true)
	return o, nil
}

// openingOrder is every part of the office after those that it depends on. Closing in the reverse order, a process first
// says that it is not ready, then finishes HTTP requests, then the messages that its consumers have, and so on; what it
// sends meanwhile finds producers, databases and the embedded broker still open.
func (o *office) openingOrder() []func(context.Context) error {
	return slices.Concat([]func(context.Context) error{
		o.nameProcess,
		o.openTracing,
		o.openBroker,
		o.openDemoSecrets,
		o.openIdentity,
		o.openDemoProvider,
		o.openDatabases,
		o.openClock,
		o.openQueue,
	}, o.servicesInOrder(), []func(context.Context) error{
		o.openArchiver,
		o.openOperators,
		o.openMetrics,
		o.openLive,
		o.openWatch,
		o.openHTTP,
	})
}

// wait returns when ctx ends, or with the error of a part without which the office cannot go on.
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

// servicesInOrder is the parts that sell tickets and keep orders, each after those that it depends on.
func (o *office) servicesInOrder() []func(context.Context) error {
	return []func(context.Context) error{
		o.openServices, o.openPayments, o.openTickets, o.openNotify, o.openSweeper, o.openSeller, o.openConsumers, o.openCancellations,
	}
}

// Services are the parts of an office that sell tickets and keep orders, with their consumers, for a program that opens
// the databases and the queue by itself and needs no HTTP: a benchmark.
type Services struct {
	Stock  *stock.Stock
	Orders *order.Orders
	Seller api.Seller

	Payments *payment.Service

	office *office
}

// ServiceOptions are the choices of Services. The zero value of a field stands for its default.
type ServiceOptions struct {
	PayWindow time.Duration // from reservation to expiry

	Now      func() time.Time
	Log      *slog.Logger
	OnCreate func(orders int) // is told how many orders each message has created
}

// OpenServices opens services as serve opens them. What was opened before an error is closed.
func OpenServices(ctx context.Context, bus *mq.Bus, stockDB, orderDB *db.DB, options ServiceOptions) (*Services, error) {
	config := settings.Defaults()
	config.Roles = []string{settings.RoleAPI, settings.RoleStock, settings.RoleOrder}
	if options.PayWindow > 0 {
		config.PayWindow = options.PayWindow
	}

	o := &office{
		config: config, log: options.Log, registry: prometheus.NewRegistry(), onCreate: options.OnCreate,
		bus: bus, stockDB: stockDB, orderDB: orderDB,
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	o.setClock(options.Now, nil, nil)
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	background := context.WithoutCancel(ctx) // as in openOffice: each part ends when it is closed
	for _, open := range o.servicesInOrder() {
		if err := open(background); err != nil {
			return nil, errors.Join(err, o.close())
		}
	}
	return &Services{Stock: o.stock, Orders: o.orders, Seller: o.seller, Payments: o.payments, office: o}, nil
}

// Close finishes what has begun and closes the services.
func (s *Services) Close() error { return s.office.close() }

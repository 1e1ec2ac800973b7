package app

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/api"
	"boxoffice/common/db"
	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/stock"
)

// Services are the parts of an office that sell tickets and keep orders, with their consumers, for a program that opens
// the databases and the queue by itself and needs no HTTP: a benchmark.
type Services struct {
	Stock  *stock.Stock
	Orders *order.Orders
	Seller api.Seller

	office *office
}

// ServiceOptions are the choices of Services. The zero value of a field stands for its default.
type ServiceOptions struct {
	PayWindow time.Duration // from reservation to expiry
	Now       func() time.Time
	Log       *slog.Logger
	OnCreate  func(orders int) // is told how many orders each message has created
}

// OpenServices opens services as serve opens them. What was opened before an error is closed.
func OpenServices(ctx context.Context, bus *mq.Bus, stockDB, orderDB *db.DB, options ServiceOptions) (*Services, error) {
	config, err := parseToolConfig(invocation{Getenv: func(string) string { return "" }, Stdout: io.Discard}, func(*flag.FlagSet) {})
	if err != nil {
		return nil, err
	}
	config.Roles = []string{roleAPI, roleStock, roleOrder}
	if options.PayWindow > 0 {
		config.PayWindow = options.PayWindow
	}
	o := &office{
		config: config, now: options.Now, log: options.Log, registry: prometheus.NewRegistry(), onCreate: options.OnCreate,
		bus: bus, stockDB: stockDB, orderDB: orderDB,
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	background := context.WithoutCancel(ctx) // as in openOffice: each part ends when it is closed
	for _, open := range o.servicesInOrder() {
		if err := open(background); err != nil {
			return nil, errors.Join(err, o.close())
		}
	}
	return &Services{Stock: o.stock, Orders: o.orders, Seller: o.seller, office: o}, nil
}

// Close finishes what has begun and closes the services.
func (s *Services) Close() error { return s.office.close() }

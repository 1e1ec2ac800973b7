package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/sale"
	"boxoffice/sql"
	"boxoffice/stock"
)

const (
	maxBatch = 256 // as app/config.go has it
	// Deadlines fall behind the run, so that no message of one slot comes due in another.
	farWindow = 2 * time.Hour
)

// office is the box office without HTTP, wired as app/ wires it.
type office struct {
	*rig
	stockDB, orderDB *db.DB
	sender           *mq.Sender
	stock            *stock.Stock
	orders           *order.Orders
	seller           *sale.Seller
	screeningID      string       // the one that is on sale
	created          atomic.Int64 // order rows, by what the handler of stock-reserved has done
}

// officeOptions are what slots differ in. The zero value is an office as in production.
type officeOptions struct {
	now       func() time.Time
	payWindow time.Duration
	tickets   int64
	opened    func(stockDB, orderDB *db.DB) error // before anything uses them
}

// openOffice starts an office on r with one hot screening. The rig closes it.
func openOffice(ctx context.Context, r *rig, o officeOptions) (*office, error) {
	if o.now == nil {
		o.now = time.Now
	}
	if o.payWindow == 0 {
		o.payWindow = farWindow
	}
	f := &office{rig: r, screeningID: screening + rand.Text()} // the data may be an earlier slot's
	if err := f.openDatabases(ctx); err != nil {
		return nil, err
	}
	if o.opened != nil {
		if err := o.opened(f.stockDB, f.orderDB); err != nil {
			return nil, err
		}
	}
	f.stock = stock.New(f.stockDB, stock.Options{Now: o.now, Log: r.log})
	sender, err := r.bus.NewSender(ctx, event.GroupOrder)
	if err != nil {
		return nil, err
	}
	f.sender = sender
	r.onClose(func() error { sender.Close(); return nil })
	f.orders = order.New(ctx, f.orderDB, sender, order.Options{MaxBatch: maxBatch, Now: o.now, Log: r.log})
	r.onClose(func() error { f.orders.Close(); return nil })
	transactor, err := r.bus.NewTransactor(ctx, event.GroupPurchase, f.stock.Check)
	if err != nil {
		return nil, err
	}
	r.onClose(func() error { return transactor.Close(ctx) })
	f.seller = sale.NewSeller(ctx, f.stock, transactor, sale.Options{PayWindow: o.payWindow, MaxBatch: maxBatch, Now: o.now, Log: r.log})
	r.onClose(func() error { f.seller.Close(); return nil })
	if err := f.consume(ctx); err != nil {
		return nil, err
	}
	if o.tickets == 0 {
		o.tickets = hotCapacity
	}
	_, err = f.stock.AddScreening(ctx, f.hotScreening(o.now(), o.tickets))
	return f, err
}

func (f *office) hotScreening(now time.Time, tickets int64) stock.Screening {
	return stock.Screening{
		ID: f.screeningID, Movie: "Hot", Venue: "Here", Capacity: tickets, Price: event.Money{Amount: ticketPrice, Currency: currency},
		StartsAt: now.Add(48 * time.Hour), SaleOpensAt: now.Add(-time.Hour), SaleClosesAt: now.Add(24 * time.Hour),
	}
}

func (f *office) openDatabases(ctx context.Context) (err error) {
	if f.stockDB, err = f.database(ctx, "stock", sql.Stock); err != nil {
		return err
	}
	f.orderDB, err = f.database(ctx, "order", sql.Order)
	return err
}

func (r *rig) database(ctx context.Context, name string, migrations func() (fs.FS, error)) (*db.DB, error) {
	dsn, err := r.dsn(ctx, name)
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	r.onClose(d.Close)
	schema, err := migrations()
	if err != nil {
		return nil, err
	}
	return d, d.Migrate(ctx, schema)
}

func (f *office) consume(ctx context.Context) error {
	create := func(ctx context.Context, reserved event.Reserved) error {
		err := f.orders.Create(ctx, reserved)
		if err == nil {
			f.created.Add(int64(len(reserved.Orders)))
		}
		return err
	}
	for _, step := range []struct {
		group   string
		handler mq.Handler
	}{
		{event.GroupCreate, mq.Handle(event.StockReserved, create)},
		{event.GroupTimeout, mq.Handle(event.PaymentDue, f.orders.Timeout)},
		{event.GroupSettle, mq.Handle(event.OrderSettled, stock.NewPublisher(f.stock, f.sender).Settle)},
	} {
		consumer, err := f.bus.Consume(ctx, mq.ConsumeOptions{
			Group: step.group, Concurrency: consumerWorkers, Timeout: handlerTimeout,
		}, step.handler)
		if err != nil {
			return err
		}
		f.onClose(func() error { return consumer.Close(ctx) })
	}
	return nil
}

func (f *office) buy(ctx context.Context, p purchase) error {
	_, err := f.seller.Purchase(ctx, sale.Request{
		BuyerID: p.buyer(), Key: p.key(), ScreeningID: f.screeningID, Quantity: 1,
	})
	switch {
	case errors.Is(err, stock.ErrSoldOut):
		return errSoldOut
	case errors.Is(err, sale.ErrBusy), errors.Is(err, mq.ErrNotSent):
		return errBusy
	}
	return err
}

func (f *office) rows(context.Context) (int64, error) { return f.created.Load(), nil }

func (f *office) rest(ctx context.Context, accepted int64) error {
	if err := eventually(ctx, func() error { return f.createdAll(accepted) }); err != nil {
		return err
	}
	if err := officeBooks(ctx, f.stockDB, f.orderDB, f.screeningID, accepted); err != nil {
		return err
	}
	return f.queuesRest(ctx)
}

func (f *office) createdAll(accepted int64) error {
	if n := f.created.Load(); n < accepted {
		return fmt.Errorf("%d orders are created", n)
	}
	return nil
}

// officeBooks holds the rows of both services against what the buyers were told: every ticket is available or in the
// hands of one of them, and every one of them has one order.
func officeBooks(ctx context.Context, stockDB, orderDB *db.DB, screeningID string, accepted int64) error {
	var stock struct{ Capacity, Available, Reserved, Sold, Held int64 }
	if err := stockDB.Reader().GetContext(ctx, &stock, `SELECT capacity, available, reserved, sold, (SELECT COUNT(*)
		FROM reservations WHERE screening_id = ? AND state <> 'released') AS held FROM stock WHERE screening_id = ?`,
		screeningID, screeningID); err != nil {
		return fmt.Errorf("read stock: %w", err)
	}
	var orders struct{ Pending, Paid, Cancelled int64 }
	if err := orderDB.Reader().GetContext(ctx, &orders, `SELECT COALESCE(SUM(state = 'PENDING_PAYMENT'), 0) AS pending,
		COALESCE(SUM(state = 'PAID'), 0) AS paid, COALESCE(SUM(state = 'CANCELLED'), 0) AS cancelled
		FROM orders WHERE screening_id = ?`, screeningID); err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	live := orders.Pending + orders.Paid
	if stock.Available+stock.Reserved+stock.Sold != stock.Capacity || stock.Reserved+stock.Sold != stock.Held ||
		live != stock.Held || live+orders.Cancelled != accepted || stock.Sold != orders.Paid {
		return fmt.Errorf("the books are wrong: %d accepted, stock %+v, orders %+v", accepted, stock, orders)
	}
	return nil
}

// queuesRest waits until the embedded broker has nothing undecided and nothing undelivered. A real one is not asked:
// that the orders are there says enough.
func (r *rig) queuesRest(ctx context.Context) error {
	if r.broker == nil {
		return nil
	}
	return eventually(ctx, func() error {
		if n := len(r.broker.HalfMessages()); n > 0 {
			return fmt.Errorf("%d half messages are undecided", n)
		}
		return nil
	})
}

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"boxoffice/api"
	"boxoffice/app"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/sale"
	"boxoffice/sql"
	"boxoffice/stock"
)

// office is the variant that all others are compared with: the box office without HTTP.
type office struct {
	*fixture
	stockDB, orderDB *db.DB
	stock            *stock.Stock
	orders           *order.Orders
	payments         *payment.Service
	seller           api.Seller
	screeningID      string       // the one that is on sale
	created          atomic.Int64 // order rows, by what the handler of stock-reserved has done
}

// officeOptions are what measurements vary. The zero value is an office as in production.
type officeOptions struct {
	now       func() time.Time
	payWindow time.Duration
	tickets   int64
	opened    func(stockDB, orderDB *db.DB) error // before anything uses them
}

// openOurs starts an office as in production.
func openOurs(ctx context.Context, f *fixture) (variant, error) {
	return openOffice(ctx, f, officeOptions{})
}

// openOffice starts an office with one screening on sale.
func openOffice(ctx context.Context, f *fixture, options officeOptions) (*office, error) {
	if options.now == nil {
		options.now = time.Now
	}
	if options.payWindow == 0 {
		options.payWindow = longWindow
	}
	if options.tickets == 0 {
		options.tickets = hotCapacity
	}
	o := &office{fixture: f, screeningID: screening + rand.Text()} // the tables may hold an earlier measurement's rows
	if err := o.openDatabases(ctx); err != nil {
		return nil, err
	}
	if options.opened != nil {
		if err := options.opened(o.stockDB, o.orderDB); err != nil {
			return nil, err
		}
	}
	services, err := app.OpenServices(ctx, f.bus, o.stockDB, o.orderDB, app.ServiceOptions{
		PayWindow: options.payWindow, Now: options.now, Log: f.log,
		OnCreate: func(orders int) { o.created.Add(int64(orders)) },
	})
	if err != nil {
		return nil, err
	}
	f.onClose(services.Close)
	o.stock, o.orders, o.payments, o.seller = services.Stock, services.Orders, services.Payments, services.Seller
	_, err = o.stock.AddScreening(ctx, o.hotScreening(options.now(), options.tickets))
	return o, err
}

func (o *office) hotScreening(now time.Time, tickets int64) stock.Screening {
	return stock.Screening{
		ID: o.screeningID, Movie: "Hot", Venue: "Here", Capacity: tickets, Price: event.Money{Amount: ticketPrice, Currency: currency},
		StartsAt: now.Add(48 * time.Hour), SaleOpensAt: now.Add(-time.Hour), SaleClosesAt: now.Add(24 * time.Hour),
	}
}

func (o *office) openDatabases(ctx context.Context) (err error) {
	if o.stockDB, err = o.database(ctx, "stock", sql.Stock); err != nil {
		return err
	}
	o.orderDB, err = o.database(ctx, "order", sql.Order)
	return err
}

func (o *office) buy(ctx context.Context, p purchase) error {
	_, err := o.seller.Purchase(ctx, sale.Request{
		BuyerID: p.buyer(), Key: p.key(), ScreeningID: o.screeningID, Quantity: 1,
	})
	switch {
	case errors.Is(err, stock.ErrSoldOut):
		return errSoldOut
	case errors.Is(err, sale.ErrBusy), errors.Is(err, mq.ErrNotSent):
		return errBusy
	}
	return err
}

func (o *office) rows(context.Context) (int64, error) { return o.created.Load(), nil }

func (o *office) verify(ctx context.Context, accepted int64) error {
	if err := eventually(ctx, func() error { return o.createdAll(accepted) }); err != nil {
		return err
	}
	if err := verifyOffice(ctx, o.stockDB, o.orderDB, o.screeningID, accepted); err != nil {
		return err
	}
	return awaitDecided(ctx, o.broker)
}

func (o *office) createdAll(accepted int64) error {
	if n := o.created.Load(); n < accepted {
		return fmt.Errorf("%d orders are created", n)
	}
	return nil
}

// verifyOffice compares the rows of both services with what the buyers were told: every ticket is available or held by
// one of them, and every one of them has one order.
func verifyOffice(ctx context.Context, stockDB, orderDB *db.DB, screeningID string, accepted int64) error {
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
		return fmt.Errorf("the rows are wrong: %d accepted, stock %+v, orders %+v", accepted, stock, orders)
	}
	return nil
}

// prefill makes n reservations of the office's screening that wait for payment, with their tickets, and with their orders
// if asked to.
func (o *office) prefill(ctx context.Context, n int, expiresAt time.Time, orders bool) error {
	err := reservationsAs("reserved").write(ctx, o.stockDB, n, o.screeningID, expiresAt)
	if orders {
		err = errors.Join(err, ordersAs("PENDING_PAYMENT").write(ctx, o.orderDB, n, o.screeningID, expiresAt))
	}
	return errors.Join(err, o.stockDB.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE stock SET available = available - ?, reserved = reserved + ?, sales = sales + ?
			WHERE screening_id = ?`, n, n, n, o.screeningID)
		return err
	}))
}

func (o *office) pay(ctx context.Context, paid event.Order) error {
	result, err := o.orders.Pay(ctx, order.Payment{ID: "pay-" + paid.ID, OrderID: paid.ID, Amount: paid.Amount, WebhookID: "msg-" + paid.ID})
	if err == nil && result != order.Applied {
		err = fmt.Errorf("payment of %s was %s", paid.ID, result)
	}
	return err
}

// verifyPaid compares the payments with the rows of both services. Orders whose message could not be published at once
// are left to the sweeper, which does not run here.
func (o *office) verifyPaid(ctx context.Context, paid int64) error {
	var orders, payments, sold int64
	err := o.orderDB.Reader().QueryRowxContext(ctx, `SELECT (SELECT COUNT(*) FROM orders WHERE state = 'PAID'),
		(SELECT COUNT(*) FROM payments WHERE result = 'applied')`).Scan(&orders, &payments)
	err = errors.Join(err, o.stockDB.Reader().GetContext(ctx, &sold, `SELECT sold FROM stock WHERE screening_id = ?`, o.screeningID))
	if err != nil {
		return fmt.Errorf("read paid orders: %w", err)
	}
	if orders != paid || payments != paid || sold+o.orders.Unpublished() != paid {
		return fmt.Errorf("the rows are wrong: %d payments taken, %d recorded, %d orders paid, %d tickets sold", paid, payments, orders, sold)
	}
	return nil
}

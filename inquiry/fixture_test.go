package inquiry

import (
	"context"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/archive"
	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/notify"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/sql"
	"boxoffice/stock"
	"boxoffice/tickets"
)

const opening = 1_795_000_000_000

// office is the databases of one office, in which a test writes what it wants found, and a clock that it moves by hand.
type office struct {
	t                testing.TB
	stockDB, orderDB *db.DB
	stock            *stock.Stock
	desk             *Desk
	archiver         *archive.Archiver
	ms               atomic.Int64

	told     []notify.Notification
	toldActs []audit.Recorded
	toldErr  error

	let    tickets.History // what happened to the tickets of whatever order is asked for
	letErr error

	message  mq.Stored   // of a purchase that the queue has; none without an id
	outcomes []mq.Stored // of what became of an order
	queueErr error
	asked    [2]time.Time // for which time the queue was asked last
}

// HistoryOf is the part of the tickets.
func (o *office) HistoryOf(context.Context, string, string) (tickets.History, error) {
	return o.let, o.letErr
}

// FindMessage is the queue's part: the messages are about whatever order is looked for.
func (o *office) FindMessage(_ context.Context, topic string, from, until time.Time, _ int, _ func([]byte) bool) (mq.Stored, bool, error) {
	if topic == string(event.OrderSettled) {
		for _, m := range o.outcomes {
			if !m.StoredAt.Before(from) && m.StoredAt.Before(until) {
				return m, true, o.queueErr
			}
		}
		return mq.Stored{}, false, o.queueErr
	}
	if topic != string(event.StockReserved) {
		o.t.Errorf("asked for topic %s", topic)
	}
	o.asked = [2]time.Time{from.UTC(), until.UTC()}
	return o.message, o.message.MessageID != "", o.queueErr
}

// OfOrder is the part of mail and SMS.
func (o *office) OfOrder(context.Context, string) ([]notify.Notification, error) {
	return o.told, o.toldErr
}

// ActsOn is what operators did to these.
func (o *office) ActsOn(context.Context, ...string) ([]audit.Recorded, error) {
	return o.toldActs, o.toldErr
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{t: t, stockDB: newDB(t, sql.Stock), orderDB: newDB(t, sql.Order)}
	o.ms.Store(opening)
	quiet := slog.New(slog.DiscardHandler)
	o.stock = stock.New(o.stockDB, stock.Options{Now: o.now})
	orders := order.New(t.Context(), o.orderDB, nil, order.Options{Now: o.now, Log: quiet, MaxBatch: 10})
	t.Cleanup(orders.Close)
	payments := payment.New(o.orderDB, payment.Options{Orders: orders, Now: o.now, Log: quiet})
	t.Cleanup(payments.Close)
	o.desk = NewDesk(o.stock, orders, payments, o, o, o)
	o.archiver = archive.New(o.stock, orders, archive.Options{
		Dir: t.TempDir(), Now: o.now, Log: quiet, Ready: func(context.Context) error { return nil },
	})
	return o
}

func newDB(t testing.TB, migrations func() (fs.FS, error)) *db.DB {
	t.Helper()
	schema, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	return dbtest.New(t, schema)
}

func (o *office) now() time.Time { return time.UnixMilli(o.ms.Load()).UTC() }

func (o *office) advance(d time.Duration) { o.ms.Add(d.Milliseconds()) }

// bought is an order that a purchase makes now.
func (o *office) bought(screening, buyer string) event.Order {
	now := o.now()
	return event.Order{
		ID: stock.NewID(now), ScreeningID: screening, BuyerID: buyer, Quantity: 2, Amount: event.Money{Amount: 9800, Currency: "CNY"},
		CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(15 * time.Minute).UnixMilli(),
	}
}

// reservationValues and orderValues are rows as the services leave them when an order stands so.
func reservationValues(b event.Order, status Status) []any {
	state, sweepAt, settledAt := stock.Held, any(b.ExpiresAt+10_000), any(nil)
	switch status {
	case Paid:
		state = stock.Sold
	case Cancelled:
		state = stock.Released
	}
	if state != stock.Held {
		sweepAt, settledAt = nil, b.CreatedAt+2000
	}
	return []any{
		b.ID, stock.RequestID(b.BuyerID, b.ID), b.ScreeningID, b.BuyerID, b.Quantity, b.Amount.Amount, b.Amount.Currency, string(state),
		b.CreatedAt, b.ExpiresAt, sweepAt, settledAt,
	}
}

func orderValues(b event.Order, status Status) []any {
	state, reason, settledAt := order.PendingPayment, any(nil), any(nil)
	switch status {
	case Paid:
		state, settledAt = order.Paid, b.CreatedAt+1000
	case Cancelled:
		state, reason, settledAt = order.Cancelled, "unpaid", b.CreatedAt+1000
	}
	return []any{
		b.ID, b.ScreeningID, b.BuyerID, b.Quantity, b.Amount.Amount, b.Amount.Currency, string(state), reason,
		b.CreatedAt, b.CreatedAt + 40, b.ExpiresAt, settledAt,
	}
}

const (
	intoReservations = `reservations (order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state,
		created_at, expires_at, sweep_at, settled_at)`
	intoOrders = `orders (id, screening_id, buyer_id, quantity, amount, currency, state, cancel_reason,
		created_at, recorded_at, expires_at, settled_at)`
	intoPayments = `payments (id, provider, order_id, amount, currency, webhook_id, result, refunded, received_at)`
)

// add writes an order that stands so.
func (o *office) add(b event.Order, status Status) {
	o.t.Helper()
	dbtest.Insert(o.t, o.stockDB, intoReservations, reservationValues(b, status)...)
	if status != Reserved {
		dbtest.Insert(o.t, o.orderDB, intoOrders, orderValues(b, status)...)
	}
}

// pay writes a payment of an order's amount.
func (o *office) pay(b event.Order, id, provider string, result order.PaymentResult, refunded int64) {
	o.t.Helper()
	dbtest.Insert(o.t, o.orderDB, intoPayments, id, provider, b.ID, b.Amount.Amount, b.Amount.Currency, "callback-"+id, string(result), refunded,
		o.now().UnixMilli())
}

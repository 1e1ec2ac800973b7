package cancellation

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"boxoffice/broker"
	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/event/eventtest"
	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/sql"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

const price = 4900

// office is the two databases of an office, and a broker from which a test takes what stock is to be told.
type office struct {
	t       testing.TB
	stockDB *db.DB
	orderDB *db.DB
	clock   *stocktest.Clock
	stock   *stock.Stock
	orders  *order.Orders
	refuse  atomic.Bool // the broker takes nothing

	mu       sync.Mutex
	settled  []event.Settled // that stock has not been told
	ended    []string        // orders whose payments are to be closed
	endFails error           // the next time
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, clock: stocktest.NewClock(), stockDB: newDB(t, sql.Stock), orderDB: newDB(t, sql.Order)}
	o.stock = stock.New(o.stockDB, stock.Options{Now: o.clock.Now})
	b := broker.RunT(t)
	for _, code := range []int{broker.SendMessage, broker.SendMessageV2} {
		b.Intercept(code, o.see)
	}
	log := slog.New(slog.DiscardHandler)
	sender := eventtest.NewSender(t, b.Addr(), event.GroupOrder)
	o.orders = order.New(t.Context(), o.orderDB, sender, order.Options{Now: o.clock.Now, Log: log, MaxBatch: 8})
	t.Cleanup(o.orders.Close)
	return o
}

func newDB(t *testing.T, migrations func() (fs.FS, error)) *db.DB {
	t.Helper()
	schema, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	return dbtest.New(t, schema)
}

func (o *office) see(r *broker.Request) broker.Verdict {
	if o.refuse.Load() {
		const systemError = 1
		return broker.Fail(systemError, "the disk is full")
	}
	if r.Topic() == string(event.OrderSettled) {
		var e event.Settled
		if err := json.Unmarshal(r.Body, &e); err != nil {
			o.t.Errorf("order-settled: %v", err)
		}
		o.mu.Lock()
		o.settled = append(o.settled, e)
		o.mu.Unlock()
	}
	return broker.Pass
}

// deliver tells stock what it is to be told.
func (o *office) deliver() {
	o.t.Helper()
	o.mu.Lock()
	settled := o.settled
	o.settled = nil
	o.mu.Unlock()
	for _, e := range settled {
		if _, err := o.stock.Settle(context.Background(), e); err != nil {
			o.t.Errorf("settle: %v", err)
		}
	}
}

// lose loses what stock was to be told.
func (o *office) lose() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settled = nil
}

// worker takes small steps, so that a few orders make several.
func (o *office) worker() *Worker {
	w := New(o.stock, o.orders, o.end, nil, slog.New(slog.DiscardHandler))
	w.limit = 3
	return w
}

// addSale puts a screening on sale and sells n orders of it, by turns unpaid, paid, without an order yet, and paid before
// there is one.
func (o *office) addSale(n int) (stock.Screening, []event.Order) {
	o.t.Helper()
	ctx, now := context.Background(), o.clock.Now()
	screening, err := o.stock.AddScreening(ctx, stock.Screening{
		Movie: "Metropolis", Venue: "Rex", StartsAt: now.Add(48 * time.Hour), Capacity: 100, PerUserLimit: 2,
		Price: event.Money{Amount: price, Currency: "CNY"}, SaleOpensAt: now, SaleClosesAt: now.Add(24 * time.Hour),
	})
	if err != nil {
		o.t.Fatal(err)
	}
	var sold []event.Order
	for i := range n {
		sold = append(sold, o.reserve(screening, fmt.Sprint("buyer-", i)))
		o.pay(sold[i], i%4 == 1 || i%4 == 3, i%4 < 2)
	}
	return screening, sold
}

// reserve is the local transaction of a purchase of one ticket that was planned by this reading of the screening.
func (o *office) reserve(screening stock.Screening, buyer string) event.Order {
	o.t.Helper()
	ordered, ok := o.tryReserve(screening, buyer)
	if !ok {
		o.t.Fatal("the purchase was rolled back")
	}
	return ordered
}

func (o *office) tryReserve(screening stock.Screening, buyer string) (event.Order, bool) {
	now := o.clock.Now()
	bought := event.Order{
		ID: stock.NewID(now), ScreeningID: screening.ID, BuyerID: buyer, Quantity: 1, Amount: screening.Price,
		CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(time.Hour).UnixMilli(),
	}
	local := o.stock.Begin(context.Background(), stock.ReservationList{
		TxID: stock.NewID(now), Orders: []event.Order{bought}, Requests: []string{stock.RequestID(buyer, screening.ID)},
		Holdings: []stock.HoldingChange{{
			Holding: stock.Holding{ScreeningID: screening.ID, BuyerID: buyer}, Quantity: 1, Limit: screening.PerUserLimit,
		}},
		Tickets: map[string]int64{screening.ID: 1}, TermsVersions: map[string]int64{screening.ID: screening.TermsVersion},
	})
	return bought, local.Commit(context.Background()) == mq.Commit
}

// pay pays for an order, made first or never.
func (o *office) pay(bought event.Order, paid, made bool) {
	o.t.Helper()
	if made {
		if err := o.orders.Create(context.Background(), event.Reserved{Orders: []event.Order{bought}}); err != nil {
			o.t.Errorf("create: %v", err)
		}
	}
	if paid {
		if _, err := o.orders.Pay(context.Background(), order.Payment{
			ID: "pay-" + bought.ID, OrderID: bought.ID, Amount: bought.Amount, WebhookID: "msg-" + bought.ID,
		}); err != nil {
			o.t.Errorf("pay: %v", err)
		}
	}
}

func (o *office) cancel(screeningID string) {
	o.t.Helper()
	if _, err := o.stock.CancelScreening(context.Background(), screeningID, audit.Act{Actor: "boss", Note: "why"}); err != nil {
		o.t.Fatal(err)
	}
}

// finish lets workers work and messages come until the cancellation is done, and checks that every ticket and every cent
// has gone back, once.
func (o *office) finish(t interface {
	Errorf(format string, args ...any)
	Fatal(args ...any)
}, screeningID string, sold []event.Order) {
	for range 200 {
		worked, err := o.worker().Step(context.Background())
		if err != nil {
			t.Errorf("step: %v", err)
		}
		o.deliver()
		found, err := o.stock.Cancellation(context.Background(), screeningID)
		if err != nil || found == nil {
			t.Fatal("no cancellation", err)
		}
		if !found.DoneAt.IsZero() {
			break
		}
		if !worked {
			o.clock.Advance(time.Minute)
		}
	}
	found, err := o.stock.Cancellation(context.Background(), screeningID)
	if err != nil || found.DoneAt.IsZero() {
		t.Fatal("the cancellation is not done", err)
	}
	screening, err := o.stock.Screening(context.Background(), screeningID)
	if err != nil || screening.Available != screening.Capacity {
		t.Errorf("%d of %d tickets are back, %v", screening.Available, screening.Capacity, err)
	}
	var ids []string
	for _, bought := range sold {
		ids = append(ids, bought.ID)
		orders, err := o.orders.Find(context.Background(), bought.ID)
		if err != nil || orders[bought.ID].State != order.Cancelled {
			t.Errorf("order %s is %+v, %v", bought.ID, orders[bought.ID], err)
		}
	}
	if money, err := o.orders.SumMoney(context.Background(), ids); err != nil || money.Received != money.Refunded {
		t.Errorf("%+v has not gone back, %v", money, err)
	}
	var wrong int
	if err := o.orderDB.Reader().Get(&wrong, `SELECT COUNT(*) FROM payments p WHERE p.refunded <>
		(SELECT COALESCE(SUM(amount), 0) FROM refunds r WHERE r.payment_id = p.id)`); err != nil || wrong != 0 {
		t.Errorf("%d payments have gone back twice, or only in the books, %v", wrong, err)
	}
	for _, violation := range stocktest.Violations(t, o.stockDB) {
		t.Errorf("%s", violation)
	}
}

func TestCancelledScreeningEndsAllItsOrders(t *testing.T) {
	o := newOffice(t)
	screening, sold := o.addSale(20)
	o.deliver() // paid orders are sold
	if got, err := o.stock.Screening(t.Context(), screening.ID); err != nil || got.Sold != 5 || got.Reserved != 15 {
		t.Fatalf("%+v, %v", got, err)
	}
	other, kept := o.addSale(4)
	o.cancel(screening.ID)
	o.finish(t, screening.ID, sold)
	if got, err := o.stock.Screening(t.Context(), other.ID); err != nil || got.Available != 96 || got.Cancelled {
		t.Errorf("another screening: %+v, %v", got, err)
	}
	if orders, err := o.orders.Find(t.Context(), kept[0].ID); err != nil || orders[kept[0].ID].State != order.PendingPayment {
		t.Errorf("another screening's order: %+v, %v", orders, err)
	}
	if step, err := o.stock.ClaimCancellation(t.Context(), 3); step != nil || err != nil {
		t.Errorf("there is more to do: %+v, %v", step, err)
	}
}

// A worker dies at any point of any step. Another one goes on when the lease is over.
func TestKillOfTheCancellingWorkerAtEveryPoint(t *testing.T) {
	points := map[string]func(o *office, step *stock.CancellationStep){
		"once it has claimed a step": func(*office, *stock.CancellationStep) {},
		"before stock is told": func(o *office, step *stock.CancellationStep) {
			o.refuse.Store(true)
			if err := o.orders.CancelForScreening(context.Background(), step.Held, step.Sold); err == nil && len(step.Held)+len(step.Sold) > 0 {
				o.t.Error("stock was told nothing, and nobody says so")
			}
			o.refuse.Store(false)
		},
		"before the step is noted": func(o *office, step *stock.CancellationStep) {
			if err := o.orders.CancelForScreening(context.Background(), step.Held, step.Sold); err != nil {
				o.t.Error(err)
			}
		},
		"with the messages lost": func(o *office, step *stock.CancellationStep) {
			if err := o.orders.CancelForScreening(context.Background(), step.Held, step.Sold); err != nil {
				o.t.Error(err)
			}
			o.lose()
			if err := o.stock.EndCancellationStep(context.Background(), step); err != nil {
				o.t.Error(err)
			}
		},
	}
	for name, die := range points {
		for after := range 5 { // steps; the last of them is the end of the pass
			t.Run(fmt.Sprint(name, " ", after), func(t *testing.T) {
				o := newOffice(t)
				screening, sold := o.addSale(10)
				o.deliver()
				o.cancel(screening.ID)
				for range after {
					if _, err := o.worker().Step(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				step, err := o.stock.ClaimCancellation(t.Context(), 3)
				if err != nil {
					t.Fatal(err)
				}
				if step != nil {
					if again, err := o.stock.ClaimCancellation(t.Context(), 3); again != nil || err != nil {
						t.Errorf("a second worker got the same step: %+v, %v", again, err)
					}
					die(o, step)
				}
				o.finish(t, screening.ID, sold)
			})
		}
	}
}

// A worker that was taken for dead wakes up, and ends its step after another one has done so.
func TestSlowWorkerChangesNothing(t *testing.T) {
	o := newOffice(t)
	screening, sold := o.addSale(10)
	o.cancel(screening.ID)
	slow, err := o.stock.ClaimCancellation(t.Context(), 3)
	if err != nil || slow == nil {
		t.Fatal(err)
	}
	o.clock.Advance(time.Minute)
	o.finish(t, screening.ID, sold)
	if err := o.orders.CancelForScreening(t.Context(), slow.Held, slow.Sold); err != nil {
		t.Error(err)
	}
	if err := o.stock.EndCancellationStep(t.Context(), slow); err != nil {
		t.Error(err)
	}
	o.finish(t, screening.ID, sold)
}

// A screening is cancelled while people buy and pay, with workers side by side and messages that are lost, late or doubled.
// Whatever the order of things, nothing is sold after it, and all tickets and all money go back.
func TestCancelAgainstPurchasesAndPayments(t *testing.T) {
	o := newOffice(t)
	rapid.Check(t, func(r *rapid.T) {
		screening, sold := o.addSale(rapid.IntRange(0, 6).Draw(r, "orders"))
		cancelled := false
		buyers := 0
		r.Repeat(map[string]func(*rapid.T){
			"buy": func(r *rapid.T) {
				buyers++
				if bought, ok := o.tryReserve(screening, fmt.Sprint("late-", buyers)); ok { // planned before the cancel
					if cancelled {
						r.Fatal("sold although it is cancelled")
					}
					sold = append(sold, bought)
				}
			},
			"pay": func(r *rapid.T) {
				if len(sold) > 0 {
					bought := rapid.SampledFrom(sold).Draw(r, "order")
					o.pay(bought, rapid.Bool().Draw(r, "paid"), rapid.Bool().Draw(r, "made"))
				}
			},
			"cancel": func(*rapid.T) { o.cancel(screening.ID); cancelled = true },
			"work": func(r *rapid.T) {
				if _, err := o.worker().Step(context.Background()); err != nil {
					r.Fatal(err)
				}
			},
			"deliver": func(*rapid.T) { o.deliver() },
			"lose":    func(*rapid.T) { o.lose() },
			"twice":   func(*rapid.T) { o.mu.Lock(); o.settled = append(o.settled, slices.Clone(o.settled)...); o.mu.Unlock() },
			"wait":    func(*rapid.T) { o.clock.Advance(20 * time.Second) },
		})
		o.cancel(screening.ID)
		o.finish(r, screening.ID, sold)
	})
}

// Several workers share several screenings, at the same time.
func TestWorkersShareCancellations(t *testing.T) {
	o := newOffice(t)
	sales := map[string][]event.Order{}
	for range 4 {
		screening, sold := o.addSale(10)
		sales[screening.ID] = sold
	}
	for id := range sales {
		o.cancel(id)
	}
	var running sync.WaitGroup
	for range 3 {
		running.Go(func() {
			for range 20 {
				if _, err := o.worker().Step(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	for id, sold := range sales {
		o.finish(t, id, sold)
	}
}

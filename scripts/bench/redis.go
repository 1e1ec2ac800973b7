package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"boxoffice/common/batch"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock"
)

const (
	redisConsumers = 512 // handler calls at once: as many orders meet in one SQL transaction
	redisQueue     = 4 * redisConsumers

	// benchQueued carries one order from the Redis variant to its consumer. No other measurement leaves anything there.
	benchQueued     mq.Topic[event.Order] = "bench-queued"
	benchQueueGroup string                = "bench-queue"

	// takeScript is the usual one. KEYS: stock, set of purchases; ARGV: purchase. It returns 1, or 0 when there is no
	// ticket left, or 2 when this purchase has been made.
	takeScript = `
		if tonumber(redis.call('GET', KEYS[1])) < 1 then return 0 end
		if redis.call('SADD', KEYS[2], ARGV[1]) == 0 then return 2 end
		redis.call('DECR', KEYS[1])
		return 1`
	// giveScript undoes it.
	giveScript = `
		if redis.call('SREM', KEYS[2], ARGV[1]) == 1 then redis.call('INCR', KEYS[1]) end
		return 1`
)

// redisStock is the variant that is usual for a flash sale: a Lua script in Redis takes the ticket, a plain message says
// so, and its consumer writes the order. It is built as well as that is known, and to its favour it writes no
// reservation, keeps no stock in SQL and sends no timeouts; its consumer has the same database code as ours and commits
// at once what has been delivered, with prepared statements and without a secondary index; and its client sends the
// commands of all buyers in pipelines.
//
// It promises less than ours, whatever the figures are. With appendfsync everysec a power cut undoes about a second of
// sales (https://redis.io/docs/latest/operate/oss_and_stack/management/persistence), whose orders exist all the same, so
// that those tickets are sold twice. With either setting a process that dies between script and message has lost the
// ticket for good: nothing knows of it and nothing asks. Ours loses nothing, and checks back.
type redisStock struct {
	*fixture
	server      *child
	client      rueidis.Client
	take, give  *rueidis.Lua
	sender      *mq.Sender
	db          *db.DB
	writes      *batch.Group[event.Order, struct{}]
	screeningID string // a cluster may deliver what an earlier measurement has left
	created     atomic.Int64
}

func openRedis(ctx context.Context, f *fixture, appendfsync string) (*redisStock, error) {
	s := &redisStock{
		fixture: f, take: rueidis.NewLuaScript(takeScript), give: rueidis.NewLuaScript(giveScript),
		screeningID: stock.NewID(time.Now()),
	}
	if err := s.openOrders(ctx); err != nil {
		return nil, err
	}
	if err := s.openStock(ctx, appendfsync); err != nil {
		return nil, err
	}
	if err := f.bus.Provision(ctx, []mq.TopicSpec{{Name: string(benchQueued), Queues: topicQueues}}, []string{benchQueueGroup}); err != nil {
		return nil, err
	}
	sender, err := f.bus.NewSender(ctx, benchGroup)
	if err != nil {
		return nil, err
	}
	s.sender = sender
	f.onClose(func() error { sender.Close(); return nil })
	s.writes = batch.Start(ctx, batch.Options{Max: maxBatch, Workers: 2, Queue: redisQueue, Wait: handlerTimeout, Timeout: handlerTimeout}, s.write)
	f.onClose(func() error { s.writes.Close(); return nil })
	consumer, err := f.bus.Consume(ctx, mq.ConsumeOptions{Group: benchQueueGroup, Concurrency: redisConsumers, Timeout: handlerTimeout},
		mq.Handle(benchQueued, s.create))
	if err != nil {
		return nil, err
	}
	f.onClose(func() error { return consumer.Close(ctx) })
	return s, nil
}

// openOrders makes the table that the consumer writes.
func (s *redisStock) openOrders(ctx context.Context) error {
	dsn, err := s.dsn(ctx, "baseline")
	if err != nil {
		return err
	}
	if s.db, err = s.openDB(ctx, dsn); err != nil {
		return err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `CREATE TABLE orders (id VARCHAR(26) NOT NULL PRIMARY KEY, screening_id VARCHAR(64) NOT NULL,
			buyer_id VARCHAR(64) NOT NULL, quantity BIGINT NOT NULL, amount BIGINT NOT NULL, currency VARCHAR(8) NOT NULL,
			state VARCHAR(16) NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)`)
		return err
	})
	if err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	return nil
}

// openStock starts Redis with all tickets.
func (s *redisStock) openStock(ctx context.Context, appendfsync string) (err error) {
	if s.server, s.client, err = startRedis(ctx, s.fixture, appendfsync); err != nil {
		return err
	}
	return s.setTickets(ctx, hotCapacity)
}

func (s *redisStock) setTickets(ctx context.Context, tickets int64) error {
	return s.client.Do(ctx, s.client.B().Set().Key(s.stockKey()).Value(strconv.FormatInt(tickets, 10)).Build()).Error()
}

func (s *redisStock) ticketsLeft(ctx context.Context) (int64, error) {
	return s.client.Do(ctx, s.client.B().Get().Key(s.stockKey()).Build()).AsInt64()
}

func (s *redisStock) stockKey() string { return "{" + s.screeningID + "}stock" }

func (s *redisStock) purchasesKey() string { return "{" + s.screeningID + "}purchases" }

func (s *redisStock) pid() int { return s.server.command.Process.Pid }

// eval runs a script. It waits for the reply even if ctx ends: without it nobody knows whether the ticket is taken.
func (s *redisStock) eval(ctx context.Context, script *rueidis.Lua, p purchase) (int64, error) {
	keys, args := []string{s.stockKey(), s.purchasesKey()}, []string{p.buyer() + "/" + p.key()}
	return script.Exec(context.WithoutCancel(ctx), s.client, keys, args).AsInt64()
}

func (s *redisStock) buy(ctx context.Context, p purchase) error {
	taken, err := s.eval(ctx, s.take, p)
	switch {
	case err != nil:
		return fmt.Errorf("take ticket: %w", err)
	case taken == 0:
		return errSoldOut
	case taken != 1:
		return fmt.Errorf("the script says %d to %s", taken, p.buyer())
	}
	now := time.Now()
	order := event.Order{
		ID: stock.NewID(now), ScreeningID: s.screeningID, BuyerID: p.buyer(), Quantity: 1,
		Amount: event.Money{Amount: ticketPrice, Currency: currency}, CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(longWindow).UnixMilli(),
	}
	err = mq.Send(ctx, s.sender, benchQueued, order.ID, order)
	if !errors.Is(err, mq.ErrNotSent) {
		return err
	}
	// The message may be there all the same, and then the rows will be wrong: this design has nothing better.
	if _, err := s.eval(ctx, s.give, p); err != nil {
		return fmt.Errorf("give ticket back: %w", err)
	}
	return errBusy
}

// create handles one message. It returns when its order is committed.
func (s *redisStock) create(ctx context.Context, order event.Order) error {
	if order.ScreeningID != s.screeningID {
		return nil
	}
	_, err := s.writes.Do(ctx, order)
	return err
}

// write commits the orders that have been delivered. When one of them was there already, each is tried alone.
func (s *redisStock) write(ctx context.Context, calls []*batch.Call[event.Order, struct{}]) {
	err := s.insert(ctx, calls)
	if s.db.IsDuplicate(err) && len(calls) > 1 {
		for _, call := range calls {
			s.write(ctx, []*batch.Call[event.Order, struct{}]{call})
		}
		return
	}
	switch {
	case err == nil:
		s.created.Add(int64(len(calls)))
	case s.db.IsDuplicate(err):
		err = nil
	}
	for _, call := range calls {
		call.Answer(struct{}{}, err)
	}
}

func (s *redisStock) insert(ctx context.Context, calls []*batch.Call[event.Order, struct{}]) error {
	values := make([]any, 0, 9*len(calls))
	for _, call := range calls {
		o := call.In
		values = append(values, o.ID, o.ScreeningID, o.BuyerID, o.Quantity, o.Amount.Amount, o.Amount.Currency, "PENDING_PAYMENT",
			o.CreatedAt, o.ExpiresAt)
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.Insert(ctx, `orders (id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at)`, values)
	})
}

func (s *redisStock) rows(context.Context) (int64, error) { return s.created.Load(), nil }

// verify waits for the consumer and then compares Redis and the rows with what the buyers were told.
func (s *redisStock) verify(ctx context.Context, accepted int64) error {
	if err := eventually(ctx, func() error {
		if n := s.created.Load(); n < accepted {
			return fmt.Errorf("%d orders are created", n)
		}
		return nil
	}); err != nil {
		return err
	}
	left, err := s.ticketsLeft(ctx)
	if err != nil {
		return fmt.Errorf("read stock: %w", err)
	}
	purchases, err := s.client.Do(ctx, s.client.B().Scard().Key(s.purchasesKey()).Build()).AsInt64()
	if err != nil {
		return fmt.Errorf("count purchases: %w", err)
	}
	var orders struct{ Number, Buyers int64 }
	if err := s.db.Reader().GetContext(ctx, &orders, `SELECT COUNT(*) AS number, COUNT(DISTINCT buyer_id) AS buyers FROM orders`); err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	if left != hotCapacity-accepted || purchases != accepted || orders.Number != accepted || orders.Buyers != accepted {
		return fmt.Errorf("the rows are wrong: %d accepted, %d of %d tickets left, %d purchases in Redis, orders %+v",
			accepted, left, hotCapacity, purchases, orders)
	}
	return awaitDecided(ctx, s.broker)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"boxoffice/common/batch"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock"
)

const (
	redisGroup    = "redis"          // of goals
	redisEverysec = "redis everysec" // slots
	redisAlways   = "redis always"

	redisConnections = buyersDefault // no fewer do as well: those with a command in one turn of its loop share the fsync

	redisConsumers = 512 // handler calls at once: as many orders meet in one SQL transaction
	redisQueue     = 4 * redisConsumers

	// benchQueued carries one order from the Redis shop to its consumer. No other slot may leave anything there.
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

// redisShop is what many shops do in a rush: a Lua script in Redis takes the ticket, a plain message says so, and its
// consumer writes the order. It is built as well as that is known, and to its favour it writes no reservation, keeps no
// stock in SQL and sends no timeouts; its consumer has the same database code as ours and commits at once what has been
// delivered, with prepared statements and without a secondary index; and each buyer has a connection.
//
// It promises less than ours, whatever the figures are. With appendfsync everysec a power cut undoes about a second of
// sales (https://redis.io/docs/latest/operate/oss_and_stack/management/persistence), whose orders exist all the same, so
// that those tickets are sold twice. With either setting a process that dies between script and message has lost the
// ticket for good: nothing knows of it and nothing asks. Ours loses nothing, and checks back.
type redisShop struct {
	*rig
	server      *child
	client      *redisClient
	take, give  string // digests of the scripts
	sender      *mq.Sender
	db          *db.DB
	writes      *batch.Group[event.Order, struct{}]
	screeningID string // a cluster may deliver what an earlier slot has left
	created     atomic.Int64
}

func openRedis(ctx context.Context, r *rig, appendfsync string) (*redisShop, error) {
	s := &redisShop{rig: r, screeningID: stock.NewID(time.Now())}
	if err := s.openOrders(ctx); err != nil {
		return nil, err
	}
	if err := s.openStock(ctx, appendfsync); err != nil {
		return nil, err
	}
	if err := r.bus.Provision(ctx, []mq.TopicSpec{{Name: string(benchQueued), Queues: topicQueues}}, []string{benchQueueGroup}); err != nil {
		return nil, err
	}
	sender, err := r.bus.NewSender(ctx, benchGroup)
	if err != nil {
		return nil, err
	}
	s.sender = sender
	r.onClose(func() error { sender.Close(); return nil })
	s.writes = batch.Start(ctx, batch.Options{Max: maxBatch, Workers: 2, Queue: redisQueue, Timeout: handlerTimeout}, s.write)
	r.onClose(func() error { s.writes.Close(); return nil })
	consumer, err := r.bus.Consume(ctx, mq.ConsumeOptions{Group: benchQueueGroup, Concurrency: redisConsumers, Timeout: handlerTimeout},
		mq.Handle(benchQueued, s.create))
	if err != nil {
		return nil, err
	}
	r.onClose(func() error { return consumer.Close(ctx) })
	return s, nil
}

// openOrders makes the table that the consumer writes.
func (s *redisShop) openOrders(ctx context.Context) error {
	dsn, err := s.dsn(ctx, "ledger")
	if err != nil {
		return err
	}
	if s.db, err = db.Open(ctx, dsn); err != nil {
		return err
	}
	s.onClose(s.db.Close)
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `CREATE TABLE orders (id VARCHAR(26) NOT NULL PRIMARY KEY, screening_id VARCHAR(64) NOT NULL,
			buyer_id VARCHAR(64) NOT NULL, quantity BIGINT NOT NULL, amount BIGINT NOT NULL, currency VARCHAR(8) NOT NULL,
			state VARCHAR(16) NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)`)
		return err
	})
	if err != nil {
		return fmt.Errorf("make ledger: %w", err)
	}
	return nil
}

// openStock starts Redis with all tickets and the scripts.
func (s *redisShop) openStock(ctx context.Context, appendfsync string) error {
	server, address, err := startRedis(ctx, s.rig, appendfsync)
	if err != nil {
		return err
	}
	s.server, s.client = server, newRedisClient(address, redisConnections)
	s.onClose(s.client.close)
	if _, err := s.client.do(ctx, "SET", s.stockKey(), strconv.Itoa(hotCapacity)); err != nil {
		return err
	}
	for script, digest := range map[string]*string{takeScript: &s.take, giveScript: &s.give} {
		reply, err := s.client.do(ctx, "SCRIPT", "LOAD", script)
		if err != nil {
			return err
		}
		*digest, _ = reply.(string)
	}
	return nil
}

func (s *redisShop) stockKey() string { return "{" + s.screeningID + "}stock" }

func (s *redisShop) purchasesKey() string { return "{" + s.screeningID + "}purchases" }

func (s *redisShop) pid() int { return s.server.command.Process.Pid }

func (s *redisShop) eval(ctx context.Context, digest string, p purchase) (any, error) {
	return s.client.do(ctx, "EVALSHA", digest, "2", s.stockKey(), s.purchasesKey(), p.buyer()+"/"+p.key())
}

func (s *redisShop) buy(ctx context.Context, p purchase) error {
	taken, err := s.eval(ctx, s.take, p)
	switch {
	case err != nil:
		return err
	case taken == int64(0):
		return errSoldOut
	case taken != int64(1):
		return fmt.Errorf("the script says %v to %s", taken, p.buyer())
	}
	now := time.Now()
	order := event.Order{
		ID: stock.NewID(now), ScreeningID: s.screeningID, BuyerID: p.buyer(), Quantity: 1,
		Amount: event.Money{Amount: ticketPrice, Currency: currency}, CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(farWindow).UnixMilli(),
	}
	err = mq.Send(ctx, s.sender, benchQueued, order.ID, order)
	if !errors.Is(err, mq.ErrNotSent) {
		return err
	}
	// The message may be there all the same, and then the books will be wrong: this design has nothing better.
	if _, err := s.eval(context.WithoutCancel(ctx), s.give, p); err != nil {
		return err
	}
	return errBusy
}

// create handles one message. It returns when its order is committed.
func (s *redisShop) create(ctx context.Context, order event.Order) error {
	if order.ScreeningID != s.screeningID {
		return nil
	}
	_, err := s.writes.Do(ctx, order)
	return err
}

// write commits the orders that have been delivered. When one of them was there already, each is tried alone.
func (s *redisShop) write(ctx context.Context, calls []*batch.Call[event.Order, struct{}]) {
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

func (s *redisShop) insert(ctx context.Context, calls []*batch.Call[event.Order, struct{}]) error {
	values := make([]any, 0, 9*len(calls))
	for _, call := range calls {
		o := call.In
		values = append(values, o.ID, o.ScreeningID, o.BuyerID, o.Quantity, o.Amount.Amount, o.Amount.Currency, "PENDING_PAYMENT", o.CreatedAt, o.ExpiresAt)
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.Insert(ctx, `orders (id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at)`, values)
	})
}

func (s *redisShop) rows(context.Context) (int64, error) { return s.created.Load(), nil }

// rest waits for the consumer and then holds Redis against the rows.
func (s *redisShop) rest(ctx context.Context, accepted int64) error {
	if err := eventually(ctx, func() error {
		if n := s.created.Load(); n < accepted {
			return fmt.Errorf("%d orders are created", n)
		}
		return nil
	}); err != nil {
		return err
	}
	left, err := s.client.do(ctx, "GET", s.stockKey())
	if err != nil {
		return err
	}
	purchases, err := s.client.do(ctx, "SCARD", s.purchasesKey())
	if err != nil {
		return err
	}
	var orders struct{ Number, Buyers int64 }
	if err := s.db.Reader().GetContext(ctx, &orders, `SELECT COUNT(*) AS number, COUNT(DISTINCT buyer_id) AS buyers FROM orders`); err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	if left != strconv.FormatInt(hotCapacity-accepted, 10) || purchases != accepted || orders.Number != accepted || orders.Buyers != accepted {
		return fmt.Errorf("the books are wrong: %d accepted, %v of %d tickets left, %v purchases in Redis, orders %+v",
			accepted, left, hotCapacity, purchases, orders)
	}
	return s.queuesRest(ctx)
}

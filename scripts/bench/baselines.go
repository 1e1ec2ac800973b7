package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// naiveConnections is what a service with 256 buyers opens on a database server when nobody tunes it.
const naiveConnections = 256

// connections is 1 on SQLite: that is the advice of every page on SQLite in Go. With 256 its busy handler lets through a
// few hundred transactions a second, and to be faster than that would prove nothing.
func (h home) connections() int {
	if h.stockDSN == "" && !strings.HasPrefix(h.baselineDSN, "mysql:") {
		return 1
	}
	return naiveConnections
}

// naive is the variant as it is usually written: a transactional message for each order, whose listener reads the stock
// with a lock, decreases it, inserts and commits, with a connection for each buyer. Prepared statements are the only
// tuning.
type naive struct {
	*baselineDB
	halves *halfSender
}

func openNaive(ctx context.Context, f *fixture) (variant, error) {
	d, err := newBaselineDB(ctx, f, f.connections())
	if err != nil {
		return nil, err
	}
	halves, err := newHalfSender(ctx, f)
	return &naive{d, halves}, err
}

func (n *naive) buy(ctx context.Context, p purchase) error {
	return n.halves.send(ctx, p, func(ctx context.Context) error { return n.readAndUpdate(ctx, p) })
}

func (n *naive) readAndUpdate(ctx context.Context, p purchase) error {
	lock := "" // a SQLite transaction that begins IMMEDIATE has the lock
	if n.mysql {
		lock = " FOR UPDATE"
	}
	err := n.inTx(ctx, func(tx *sql.Tx) error {
		var available int64
		if err := tx.QueryRowContext(ctx, `SELECT available FROM stock WHERE screening_id = ?`+lock, screening).Scan(&available); err != nil {
			return fmt.Errorf("read stock: %w", err)
		}
		if available < 1 {
			return errSoldOut
		}
		if _, err := tx.ExecContext(ctx, `UPDATE stock SET available = ? WHERE screening_id = ?`, available-1, screening); err != nil {
			return fmt.Errorf("take stock: %w", err)
		}
		return n.insert(ctx, tx, p)
	})
	if err == nil {
		n.created.Add(1)
	}
	return err
}

// plain is the variant without any message queue, tuned as far as is known: prepared statements, a conditional UPDATE of
// the hot row last, so that its lock is held for the commit alone, and a pool of the best size.
type plain struct{ *baselineDB }

func openPlain(ctx context.Context, f *fixture, connections int) (variant, error) {
	d, err := newBaselineDB(ctx, f, connections)
	return &plain{d}, err
}

func (t *plain) buy(ctx context.Context, p purchase) error {
	err := t.inTx(ctx, func(tx *sql.Tx) error {
		if err := t.insert(ctx, tx, p); err != nil {
			return err
		}
		result, err := execIn(ctx, tx, t.takeStock, screening)
		if err != nil {
			return fmt.Errorf("take stock: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, errSoldOut)
		}
		return nil
	})
	if err == nil {
		t.created.Add(1)
	}
	return err
}

// tuned is the best that is known for one transactional message per order: its listener does what plain does.
type tuned struct {
	plain
	halves *halfSender
}

func openTuned(ctx context.Context, f *fixture, connections int) (variant, error) {
	d, err := newBaselineDB(ctx, f, connections)
	if err != nil {
		return nil, err
	}
	halves, err := newHalfSender(ctx, f)
	return &tuned{plain{d}, halves}, err
}

func (t *tuned) buy(ctx context.Context, p purchase) error {
	return t.halves.send(ctx, p, func(ctx context.Context) error { return t.plain.buy(ctx, p) })
}

// noop is the most that one transactional message per order can reach: its listener does nothing, so no order is made.
type noop struct {
	*fixture
	halves *halfSender
	sent   atomic.Int64
}

func openNoop(ctx context.Context, f *fixture) (variant, error) {
	halves, err := newHalfSender(ctx, f)
	return &noop{fixture: f, halves: halves}, err
}

func (n *noop) buy(ctx context.Context, p purchase) error {
	err := n.halves.send(ctx, p, func(context.Context) error { return nil })
	if err == nil {
		n.sent.Add(1)
	}
	return err
}

func (n *noop) rows(context.Context) (int64, error) { return n.sent.Load(), nil }

func (n *noop) verify(ctx context.Context, accepted int64) error {
	if sent := n.sent.Load(); sent != accepted {
		return fmt.Errorf("%d messages are sent", sent)
	}
	return awaitDecided(ctx, n.broker)
}

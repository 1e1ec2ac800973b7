package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// naiveConnections is what a shop with 256 buyers opens on a server when nobody tunes it.
const naiveConnections = 256

// connections is 256 on a server. On SQLite it is 1: that is the advice of every page on SQLite in Go, and with 256 the
// busy handler lets through a few hundred transactions a second, which to beat would prove nothing.
func (h home) connections() int {
	if h.stockDSN == "" && !strings.HasPrefix(h.ledgerDSN, "mysql:") {
		return 1
	}
	return naiveConnections
}

// naive is the listener as it is usually written: read the stock with a lock, decrease it, insert, commit, for each
// order and with a connection for each buyer. Prepared statements are the only tuning.
type naive struct {
	*rig
	*ledger
	halves *halves
}

func openNaive(ctx context.Context, r *rig) (*naive, error) {
	l, err := openLedger(ctx, r, r.connections())
	if err != nil {
		return nil, err
	}
	h, err := openHalves(ctx, r)
	return &naive{r, l, h}, err
}

func (n *naive) buy(ctx context.Context, p purchase) error {
	return n.halves.send(ctx, p, func(ctx context.Context) error { return n.reserveNaively(ctx, p) })
}

func (n *naive) rest(ctx context.Context, accepted int64) error { return n.ledger.rest(ctx, accepted) }

func (l *ledger) reserveNaively(ctx context.Context, p purchase) error {
	lock := "" // a SQLite transaction that begins IMMEDIATE has the lock
	if l.mysql {
		lock = " FOR UPDATE"
	}
	err := l.inTx(ctx, func(tx *sql.Tx) error {
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
		return l.insert(ctx, tx, p)
	})
	if err == nil {
		l.created.Add(1)
	}
	return err
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const sweepSlot = 400 * time.Millisecond

// poolSizes are tried for the tuned baselines, and the best is kept.
func poolSizes() []int { return []int{1, 4, 16, 64} }

// tuned is the best that is known for one message per order: prepared statements, the hot UPDATE last so that its lock
// is held for the commit alone, and a pool of the best size.
type tuned struct {
	*rig
	*ledger
	halves *halves
}

func openTuned(ctx context.Context, r *rig, connections int) (*tuned, error) {
	l, err := openLedger(ctx, r, connections)
	if err != nil {
		return nil, err
	}
	h, err := openHalves(ctx, r)
	return &tuned{r, l, h}, err
}

func (t *tuned) buy(ctx context.Context, p purchase) error {
	return t.halves.send(ctx, p, func(ctx context.Context) error { return t.reserveTuned(ctx, p) })
}

func (t *tuned) rest(ctx context.Context, accepted int64) error { return t.ledger.rest(ctx, accepted) }

func (l *ledger) reserveTuned(ctx context.Context, p purchase) error {
	err := l.inTx(ctx, func(tx *sql.Tx) error {
		if err := l.insert(ctx, tx, p); err != nil {
			return err
		}
		result, err := in(ctx, tx, l.takeStock, screening)
		if err != nil {
			return fmt.Errorf("take stock: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, errSoldOut)
		}
		return nil
	})
	if err == nil {
		l.created.Add(1)
	}
	return err
}

// plain is tuned without any message queue: what many shops should use.
type plain struct {
	*rig
	*ledger
}

func openPlain(ctx context.Context, r *rig, connections int) (*plain, error) {
	l, err := openLedger(ctx, r, connections)
	return &plain{r, l}, err
}

func (l *plain) buy(ctx context.Context, p purchase) error {
	return l.reserveTuned(ctx, p)
}

func (l *plain) rest(ctx context.Context, accepted int64) error { return l.ledger.rest(ctx, accepted) }

// sweep finds the pool size at which a baseline is fastest.
func (b *bench) sweep(ctx context.Context, open func(context.Context, *rig, int) (shop, error)) (best int, err error) {
	most := -1.0
	for _, size := range poolSizes() {
		got, err := b.sellOn(ctx, b.home, func(ctx context.Context, r *rig) (shop, error) { return open(ctx, r, size) }, buyersDefault, min(b.slot, sweepSlot))
		if err != nil {
			return 0, fmt.Errorf("with %d connections: %w", size, err)
		}
		if got.perSecond > most {
			best, most = size, got.perSecond
		}
	}
	return best, nil
}

package stock

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/mq"
)

const (
	executeTimeout = 3 * time.Second
	checkTimeout   = 2 * time.Second

	committed  = "committed"
	rolledBack = "rolled_back"
)

// errConflict says that a list cannot be reserved as it was planned: a ticket, an order or the fence was taken since.
var errConflict = errors.New("the plan no longer holds")

// draft is the local transaction of a half message. It is written while the half message is on its way, up to the row
// that everybody wants, and can commit only once the listener says that the half message is stored.
type draft struct {
	stock  *Stock
	txID   string
	stored chan struct{} // closed by the listener
	ended  chan struct{} // closed when err is the transaction's
	err    error
	cancel context.CancelFunc
}

// draft begins the local transaction. It ends by commit or abandon.
func (s *Stock) draft(ctx context.Context, l reserveList) *draft {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), executeTimeout)
	d := &draft{stock: s, txID: l.txID, stored: make(chan struct{}), ended: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(d.ended)
		err := s.db.InTx(ctx, func(tx *db.Tx) error {
			if err := l.write(ctx, tx); err != nil {
				return err
			}
			select {
			case <-d.stored:
				return l.takeStock(ctx, tx)
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if s.db.IsDuplicate(err) {
			err = fmt.Errorf("%w: %w", errConflict, err)
		}
		d.err = err
	}()
	return d
}

// abandon returns when the transaction is rolled back, unless it has been committed. It may be called at any time.
func (d *draft) abandon() {
	d.cancel()
	<-d.ended
}

// commit is what the listener runs, once. Its outcome is Rollback only when nothing is reserved and nothing of this list
// can be any more; then err says why. Unknown leaves the answer to the check-back.
func (d *draft) commit(ctx context.Context) mq.Outcome {
	close(d.stored)
	<-d.ended
	d.cancel()
	switch {
	case d.err == nil:
		return mq.Commit
	case errors.Is(d.err, db.ErrCommitInDoubt):
		// The deadline of the transaction may be what cut it off, so the question has its own.
		return d.stock.Check(context.WithoutCancel(ctx), mq.Half{TxID: d.txID})
	}
	return mq.Rollback
}

// Check answers a check-back. The fence row of the transaction id decides: reservations are written with a committed
// one; where there is none, Check writes a rolled-back one, so that a late local transaction fails on the key. Any
// doubt is Unknown. (The barrier of dtm, client/dtmcli/barrier.go, QueryPrepared.)
func (s *Stock) Check(ctx context.Context, half mq.Half) mq.Outcome {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	outcome, err := s.fence(ctx, half.TxID)
	if err == nil && outcome == mq.Unknown {
		err = s.refuseLate(ctx, half.TxID)
		switch {
		case err == nil:
			outcome = mq.Rollback
		case s.db.IsDuplicate(err):
			outcome, err = s.fence(ctx, half.TxID)
		}
	}
	if err != nil {
		s.log.Warn("check-back is left open", "tx", half.TxID, "checks", half.Checks, "error", err)
		return mq.Unknown
	}
	return outcome
}

// fence reads what is decided about a transaction; Unknown is a missing row.
func (s *Stock) fence(ctx context.Context, txID string) (mq.Outcome, error) {
	var outcome string
	err := s.db.Reader().GetContext(ctx, &outcome, `SELECT outcome FROM fences WHERE tx_id = ?`, txID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return mq.Unknown, nil
	case err != nil:
		return mq.Unknown, fmt.Errorf("read fence: %w", err)
	case outcome == committed:
		return mq.Commit, nil
	}
	return mq.Rollback, nil
}

func (s *Stock) refuseLate(ctx context.Context, txID string) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error { return putFence(ctx, tx, txID, rolledBack) })
}

func putFence(ctx context.Context, tx *db.Tx, txID, outcome string) error {
	if err := tx.Insert(ctx, `fences (tx_id, outcome)`, []any{txID, outcome}); err != nil {
		return fmt.Errorf("insert fence: %w", err)
	}
	return nil
}

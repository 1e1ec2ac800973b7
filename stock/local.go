package stock

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/failpoint"
	"boxoffice/common/mq"
	"boxoffice/common/tracing"
)

// ExecuteTimeout bounds a local transaction from Begin, with the wait for a connection, to its commit.
const ExecuteTimeout = 3 * time.Second

// LocalTransaction is the local transaction of a half message. It is written while the half message is on its way, up to
// the row that everybody wants, and can commit only once the listener says that the half message is stored.
type LocalTransaction struct {
	stock  *Stock
	txID   string
	stored chan struct{} // closed by the listener
	ended  chan struct{} // closed when err is the transaction's
	err    error
	cancel context.CancelFunc
}

// Begin begins the local transaction that reserves a list. It ends by Commit or Abandon.
func (s *Stock) Begin(ctx context.Context, l ReservationList) *LocalTransaction {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ExecuteTimeout)
	ctx, step := tracing.Start(ctx, "local transaction")
	t := &LocalTransaction{
		stock: s, txID: l.TxID, stored: make(chan struct{}), ended: make(chan struct{}), cancel: cancel,
	}
	go func() {
		defer func() {
			if cause := recover(); cause != nil { // the error of this list alone; the fence says what became of it
				s.log.ErrorContext(ctx, "a local transaction panicked", "tx_id", l.TxID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
				t.err = fmt.Errorf("%w: local transaction panicked: %v", db.ErrCommitInDoubt, cause)
			}
			step.End(t.err)
			close(t.ended)
		}()
		err := s.db.InTx(ctx, func(tx *db.Tx) error {
			if err := s.write(ctx, tx, l); err != nil {
				return err
			}
			select {
			case <-t.stored:
				step.Event("half message is stored")
				err := l.takeStock(ctx, tx)
				failpoint.Hit("reserve.before-commit")
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		t.err = s.reserveFailed(err)
	}()
	return t
}

func (s *Stock) reserveFailed(err error) error {
	switch {
	case s.db.IsDuplicate(err):
		return fmt.Errorf("%w: %w", db.ErrConflict, err)
	case err == nil, errors.Is(err, db.ErrCommitInDoubt), errors.Is(err, db.ErrConflict):
		return err
	}
	return s.failed("reserve", err)
}

// Abandon returns when the transaction is rolled back, unless it has been committed. It may be called at any time.
func (t *LocalTransaction) Abandon() {
	t.cancel()
	<-t.ended
}

// Commit lets the transaction commit and returns its outcome; the listener calls it once, after the half message is stored.
// Rollback means that nothing of the list is reserved or ever will be, and Err says why; Unknown leaves it to the
// check-back.
func (t *LocalTransaction) Commit(ctx context.Context) mq.Outcome {
	_, step := tracing.Start(ctx, "commit")
	failpoint.Hit("half.stored")
	close(t.stored)
	<-t.ended
	failpoint.Hit("reserve.committed")
	step.End(t.err)
	t.cancel()
	switch {
	case t.err == nil:
		return mq.Commit
	case errors.Is(t.err, db.ErrCommitInDoubt):
		// The deadline of the transaction may be what cut it off, so the question has its own.
		outcome := t.stock.Check(context.WithoutCancel(ctx), mq.Half{TxID: t.txID})
		if outcome == mq.Rollback {
			t.err = fmt.Errorf("%w: %w", db.ErrConflict, t.err) // it did not happen, and may succeed at the next try
		}
		return outcome
	}
	return mq.Rollback
}

// Err is why Commit has not committed: db.ErrConflict, ErrUnavailable, or what the database says of this list.
func (t *LocalTransaction) Err() error { return t.err }

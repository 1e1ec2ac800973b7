package stock

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/failpoint"
	"boxoffice/common/mq"
)

// CheckTimeout bounds the answer to a check-back.
const CheckTimeout = 2 * time.Second

const (
	committed  = "committed"
	rolledBack = "rolled_back"
)

// Check answers a check-back. The fence row of the transaction id decides: reservations are written with a committed
// one; where there is none, Check writes a rolled-back one, so that a late local transaction fails on the key. Any
// doubt is Unknown. (The barrier of dtm, client/dtmcli/barrier.go, QueryPrepared.)
func (s *Stock) Check(ctx context.Context, half mq.Half) mq.Outcome {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	failpoint.Hit("check.asked")
	outcome, err := s.fence(ctx, half.TxID)
	if err == nil && outcome == mq.Unknown {
		err = s.fenceOff(ctx, half.TxID)
		switch {
		case err == nil:
			outcome = mq.Rollback
		case s.db.IsDuplicate(err):
			outcome, err = s.fence(ctx, half.TxID)
		}
	}
	if err != nil {
		level := slog.LevelWarn
		if s.db.IsUnavailable(err) { // an outage, of which there is a line already; the broker asks again
			level = slog.LevelDebug
		}
		s.log.Log(ctx, level, "check-back is left open", "tx_id", half.TxID, "checks", half.Checks, "error", err)
		return mq.Unknown
	}
	failpoint.Hit("check.decided")
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

func (s *Stock) fenceOff(ctx context.Context, txID string) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error { return putFence(ctx, tx, txID, rolledBack) })
}

func putFence(ctx context.Context, tx *db.Tx, txID, outcome string) error {
	if err := tx.Insert(ctx, `fences (tx_id, outcome)`, []any{txID, outcome}); err != nil {
		return fmt.Errorf("insert fence: %w", err)
	}
	return nil
}

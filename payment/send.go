package payment

import (
	"context"
	"errors"
	"time"

	"boxoffice/common/db"
)

const (
	refundWorkers = 8
	refundTries   = 15  // of a refund that gets no answer: half a day
	refundAsks    = 200 // of a refund that is on its way: a week
)

// sendNext sends a provider's refunds whose time has come, asks for those that were sent, and returns how many there were.
//
// A refund is sent by one worker at a time: a worker claims its row first. If that worker dies after the provider has
// the refund and before the row says so, another one sends it again with the same key, which is the same refund to the
// provider.
func (s *Service) sendNext(ctx context.Context, p Provider, limit int) (int, error) {
	rows, err := s.openRefunds(ctx, p.Name(), s.Now(), limit)
	if err != nil {
		return 0, err
	}
	sideBySide(rows, refundWorkers, func(row refundRow) {
		if err := s.sendOne(ctx, p, row); err != nil && !errors.Is(err, db.ErrConflict) && ctx.Err() == nil {
			s.Log.Log(ctx, failureLevel(err), "send a refund", "refund_id", row.ID, "provider", row.Provider, "error", err)
		}
	})
	return len(rows), nil
}

// sendOne claims a refund, sends it or asks for it, and records the answer.
func (s *Service) sendOne(ctx context.Context, p Provider, row refundRow) error {
	lease := s.Now().Add(claimLease)
	if err := s.claim(ctx, "refunds", row.ID, row.NextAt, lease); err != nil {
		return err
	}
	row.NextAt, row.Tries = lease.UnixMilli(), row.Tries+1
	status, err := s.callForRefund(ctx, p, row)
	if err != nil && ctx.Err() != nil {
		return err // the process stops: another one has it after the lease
	}
	changed := s.changeRefund(ctx, row, s.afterAnswer(row, status, err))
	if err == nil && errors.Is(changed, db.ErrConflict) { // somebody was faster; what the provider says counts all the same
		return s.learnOfRefund(ctx, p, RefundReport{Key: row.refund().Key, RefundStatus: status})
	}
	return errors.Join(err, changed)
}

// callForRefund sends a refund, or asks how it stands if it was sent.
func (s *Service) callForRefund(ctx context.Context, p Provider, row refundRow) (RefundStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	call := p.Refund
	if row.State == refundSent {
		call = p.QueryRefund
	}
	status, err := call(ctx, row.refund())
	return status, s.answered(p, err)
}

// afterAnswer says what a refund becomes after an answer or an error of its provider.
func (s *Service) afterAnswer(row refundRow, status RefundStatus, err error) refundChange {
	later := s.Now().Add(refundPause(row.Tries))
	refused := errors.Is(err, ErrRefused)
	hopeless := refused || errors.Is(err, ErrUnsupported)
	switch {
	case err == nil:
		return afterStatus(row, status, later)
	case row.State == refundSent && row.Tries >= refundAsks:
		return refundChange{state: refundNeedsAttention, detail: "on its way for a week: " + err.Error(), nextAt: later}
	case row.State == refundSent: // the money is on its way, whether or not somebody answers
		return refundChange{state: refundSent, detail: err.Error(), nextAt: later}
	case hopeless, row.Tries >= refundTries:
		return refundChange{state: refundNeedsAttention, detail: err.Error(), spent: refused, nextAt: later}
	default:
		return refundChange{state: refundFailed, detail: err.Error(), nextAt: later}
	}
}

// afterStatus says what a refund becomes by its status at the provider.
func afterStatus(row refundRow, status RefundStatus, later time.Time) refundChange {
	to := refundChange{state: refundSent, reference: status.Reference, detail: status.Detail, nextAt: later}
	switch {
	case status.State == RefundDone:
		to.state = refundDone
	case status.State == RefundFailed:
		to.state, to.spent = refundNeedsAttention, true
	case status.State == RefundStuck:
		to.state = refundNeedsAttention
	case row.Tries >= refundAsks:
		to.state, to.detail = refundNeedsAttention, "on its way for a week: "+status.Detail
	}
	return to
}

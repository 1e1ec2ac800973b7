package payment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/failpoint"
)

const (
	refundWorkers = 8
	refundTries   = 15 // of a refund that gets no answer: some six hours
)

// sendNext sends a provider's refunds whose time has come, asks for those that were sent, and returns how many there were. It
// fails when none can be claimed.
//
// A refund is sent by one worker at a time: a worker claims its row first. If that worker dies after the provider has
// the refund and before the row says so, another one sends it again with the same key, which is the same refund to the
// provider.
func (s *Service) sendNext(ctx context.Context, p Provider, limit int) (int, error) {
	rows, err := s.openRefunds(ctx, p.Name(), s.Now(), limit)
	if err != nil {
		return 0, err
	}
	return len(rows), sideBySide(rows, s.atOnce(refundWorkers), func(row refundRow) error {
		return s.passOver(ctx, s.sendOne(ctx, p, row), "send a refund", "refund_id", row.ID, "provider", row.Provider)
	})
}

// sendOne claims a refund, sends it or asks for it, and records the answer.
func (s *Service) sendOne(ctx context.Context, p Provider, row refundRow) error {
	row, err := s.claimRefund(ctx, row)
	if err != nil {
		return err
	}
	failpoint.Hit("refund.claimed")
	status, err := s.callForRefund(ctx, p, row)
	failpoint.Hit("refund.sent")
	if err != nil && ctx.Err() != nil {
		return err // the process stops: another one has it after the lease
	}
	changed := s.changeRefund(ctx, row, s.afterAnswer(row, status, err))
	failpoint.Hit("refund.recorded")
	if err == nil && errors.Is(changed, db.ErrConflict) { // somebody was faster; what the provider says counts all the same
		return s.learnOfRefund(ctx, p, RefundReport{Key: row.refund().Key, RefundStatus: status})
	}
	return errors.Join(err, changed)
}

// callForRefund sends a refund, or asks how it stands if it was sent. One that is refused after a call without an answer, which
// may have carried it out, is asked for too: under another key it could go a second time. The refusal counts for good only if the
// provider says that it knows nothing of the refund; where nobody can be asked, a person decides, and the key stays.
func (s *Service) callForRefund(ctx context.Context, p Provider, row refundRow) (RefundStatus, error) {
	if row.State == refundSent {
		return s.askForRefund(ctx, p, row)
	}
	status, err := s.sendRefund(ctx, p, row)
	if !errors.Is(err, ErrRefused) || row.Tries <= 1 {
		return status, err
	}
	status, asked := s.askForRefund(ctx, p, row)
	switch {
	case errors.Is(asked, ErrUnknownRefund):
		return RefundStatus{}, err
	case errors.Is(asked, ErrRefused), errors.Is(asked, ErrUnsupported):
		return RefundStatus{}, fmt.Errorf("%w: %w; %w", errUnclearRefund, err, asked)
	case asked != nil:
		return RefundStatus{}, fmt.Errorf("ask for a refund that was refused: %w", asked)
	}
	return status, nil
}

// errUnclearRefund says that a refund was refused which an earlier call may have carried out, and that its provider does not
// say whether.
var errUnclearRefund = errors.New("an earlier call may have sent this refund")

func (s *Service) sendRefund(ctx context.Context, p Provider, row refundRow) (RefundStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	status, err := p.Refund(ctx, row.refund())
	return status, s.answered(p, err)
}

func (s *Service) askForRefund(ctx context.Context, p Provider, row refundRow) (RefundStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	status, err := p.QueryRefund(ctx, row.refund())
	return status, s.answered(p, err)
}

// afterAnswer says what a refund becomes after an answer or an error of its provider.
func (s *Service) afterAnswer(row refundRow, status RefundStatus, err error) refundChange {
	later := s.Now().Add(refundPause(row.Tries))
	refused := errors.Is(err, ErrRefused)
	spent := refused && !errors.Is(err, errUnclearRefund)
	hopeless := refused || errors.Is(err, ErrUnsupported)
	switch {
	case err == nil:
		return afterStatus(row, status, later)
	case row.State == refundSent && row.Tries >= refundAsks:
		return refundChange{state: refundNeedsAttention, detail: "on its way for a week: " + err.Error(), nextAt: later}
	case row.State == refundSent: // the money is on its way, whether or not somebody answers
		return refundChange{state: refundSent, detail: err.Error(), nextAt: later}
	case hopeless, row.Tries >= refundTries:
		return refundChange{state: refundNeedsAttention, detail: err.Error(), spent: spent, nextAt: later}
	default:
		return refundChange{state: refundFailed, detail: err.Error(), nextAt: later}
	}
}

// Callbacks come in any order, late, and again: what one says of a refund is news only if nothing later is known.

const refundAsks = 200 // of a refund that is on its way: a week

// What operators read of a refund whose money may have gone twice.
const (
	mayBeTwice  = "the money may have gone twice: "
	settledToo  = mayBeTwice + "it was settled by hand, and the provider reports that it is back as well"
	earlierDone = mayBeTwice + "the provider reports that it is back under an earlier key, which had failed: "
)

// learnOfRefund records what a callback says of a refund. One that is unknown is passed over.
func (s *Service) learnOfRefund(ctx context.Context, p Provider, report RefundReport) error {
	id, sending := splitRefundKey(report.Key)
	for {
		row, err := s.findRefund(ctx, id)
		switch {
		case errors.Is(err, ErrRefundAbsent):
			s.Log.WarnContext(ctx, "a callback names a refund that does not exist", "provider", p.Name(), "refund_id", report.Key)
			return nil
		case err != nil:
			return err
		case row.Provider != p.Name() || sending < 0 || sending > row.Sending || refundKey(row.ID, sending) != report.Key:
			return nil
		}
		to, news, err := s.afterReport(ctx, p, row, sending, report)
		if err != nil || !news {
			return err
		}
		err = s.changeRefund(ctx, row, to)
		if !errors.Is(err, db.ErrConflict) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("learn of refund: %w", ctx.Err())
		}
	}
}

// splitRefundKey returns the id of the refund of a key, and how often it had been sent anew.
func splitRefundKey(key string) (id string, sending int) {
	if parts := strings.Split(key, "_"); len(parts) == 3 { // rf, the number, and how often it was sent anew
		n, _ := strconv.Atoi(parts[2])
		return parts[0] + "_" + parts[1], n
	}
	return key, 0
}

// afterReport says what a refund becomes by what its provider reports of the given sending, if that is news. What a person
// has settled, or what was sent anew, and is back under its first key after all, has gone twice: a person has to know.
func (s *Service) afterReport(
	ctx context.Context, p Provider, row refundRow, sending int, report RefundReport,
) (to refundChange, news bool, err error) {
	later := s.Now().Add(refundPause(row.Tries))
	switch {
	case strings.HasPrefix(row.Detail, mayBeTwice) && (row.State == refundNeedsAttention || row.State == refundSettled):
		return to, false, nil // a person knows, or has known
	case report.State == RefundDone && (sending < row.Sending || row.State == refundSettled):
		detail := settledToo
		if sending < row.Sending {
			detail = earlierDone + report.Key
		}
		s.Log.WarnContext(ctx, "a refund may have gone twice", "refund_id", row.ID, "provider", row.Provider, "detail", detail)
		return refundChange{state: refundNeedsAttention, detail: detail, nextAt: later}, true, nil
	case sending < row.Sending, row.State == refundSettled:
		return to, false, nil
	case row.State == refundDone && (report.State == RefundFailed || report.State == RefundStuck):
		status, err := s.askAfter(ctx, p, row, report.RefundStatus)
		return afterStatus(row, status, later), err == nil && (status.State == RefundFailed || status.State == RefundStuck), err
	case row.Spent && report.State == RefundDone:
		status, err := s.askAfter(ctx, p, row, report.RefundStatus)
		return afterStatus(row, status, later), err == nil && (status.State == RefundDone || status.State == RefundPending), err
	case row.State == refundDone, row.Spent && report.State == RefundPending: // which was so before its provider said yes, or no
		return to, false, nil
	}
	return afterStatus(row, report.RefundStatus, later), true, nil
}

// askAfter asks how a refund stands whose provider reports the opposite of what it has said. A bank may have returned after days
// what was done, or have taken what had failed; or this was said before, and comes late. So the provider's answer counts, if it has
// one.
func (s *Service) askAfter(ctx context.Context, p Provider, row refundRow, reported RefundStatus) (RefundStatus, error) {
	status, err := s.askForRefund(ctx, p, row)
	switch {
	case errors.Is(err, ErrUnsupported), errors.Is(err, ErrUnknownRefund): // there is no better answer than the report
		return reported, nil
	case errors.Is(err, ErrRefused): // a person can mend a key, and until then the callback comes again
		return RefundStatus{}, fmt.Errorf("ask whether a refund is done: %w: %w", ErrProviderAway, err)
	case err != nil:
		return RefundStatus{}, fmt.Errorf("ask whether a refund is done: %w", err)
	}
	return status, nil
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

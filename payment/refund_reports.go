package payment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"boxoffice/common/db"
)

// Callbacks come in any order, late, and again: what one says of a refund is news only if nothing later is known.

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
		case row.Provider != p.Name() || sending > row.Sending || refundKey(row.ID, sending) != report.Key:
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
	case row.State == refundDone:
		return s.afterDone(ctx, p, row, report.RefundStatus, later)
	case row.Spent && report.State == RefundPending: // which was so before its provider said no
		return to, false, nil
	}
	return afterStatus(row, report.RefundStatus, later), true, nil
}

// afterDone says what becomes of a refund that is done, and whose provider reports that it is not. A bank may have returned
// it after days; or this was said before, and comes late. So the provider is asked, and its answer counts if it has one.
func (s *Service) afterDone(
	ctx context.Context, p Provider, row refundRow, reported RefundStatus, later time.Time,
) (to refundChange, news bool, err error) {
	if reported.State != RefundFailed && reported.State != RefundStuck {
		return to, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	status, err := p.QueryRefund(ctx, row.refund())
	switch err := s.answered(p, err); {
	case errors.Is(err, ErrUnsupported), errors.Is(err, ErrRefused): // there is no better answer than the report
		status = reported
	case err != nil:
		return to, false, fmt.Errorf("ask whether a refund that was done has failed: %w", err)
	}
	return afterStatus(row, status, later), status.State == RefundFailed || status.State == RefundStuck, nil
}

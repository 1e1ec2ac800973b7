package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	here, err := s.leaveOtherAccounts(ctx, p, rows)
	if err != nil {
		return 0, err
	}
	return len(rows), sideBySide(here, s.atOnce(refundWorkers), func(row refundRow) error {
		return s.passOver(ctx, s.sendOne(ctx, p, row), "send a refund", "refund_id", row.ID, "provider", row.Provider)
	})
}

// leaveOtherAccounts gives refunds to a person whose money came to another account of their provider, and returns the others. They
// go again once that account is configured. To which account money came is known by the attempts to pay its order: by those that
// were paid, or else by all. Of money of no attempt, or of one that has none on record, nobody knows better.
func (s *Service) leaveOtherAccounts(ctx context.Context, p Provider, rows []refundRow) (here []refundRow, err error) {
	now := accountOf(p)
	if now == "" || len(rows) == 0 {
		return rows, nil
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.OrderID
	}
	attempts, err := db.SelectIn[attemptRow](ctx, s.db.Reader(), `SELECT DISTINCT order_id, state, account FROM payment_attempts
		WHERE order_id IN (?) AND provider = ? ORDER BY order_id, account`, ids, p.Name())
	if err != nil {
		return nil, s.failed("read the accounts of payments", err)
	}
	paid, all := map[string][]string{}, map[string][]string{}
	for _, a := range attempts {
		all[a.OrderID] = append(all[a.OrderID], a.Account)
		if a.State == Paid {
			paid[a.OrderID] = append(paid[a.OrderID], a.Account)
		}
	}
	for _, row := range rows {
		accounts := paid[row.OrderID]
		if len(accounts) == 0 {
			accounts = all[row.OrderID]
		}
		if len(accounts) == 0 || slices.Contains(accounts, "") || slices.Contains(accounts, now) {
			here = append(here, row)
			continue
		}
		to := refundChange{state: refundNeedsAttention, detail: otherAccount + accounts[0], nextAt: s.Now()}
		if row.Tries > 0 {
			to.detail = otherAccountAsked + accounts[0]
		}
		s.Log.WarnContext(ctx, "a refund waits for another account of its provider",
			"refund_id", row.ID, "provider", row.Provider, "account", accounts[0], "configured", now)
		if err := s.passOver(ctx, s.changeRefund(ctx, row, to), "leave a refund", "refund_id", row.ID, "provider", row.Provider); err != nil {
			return nil, err
		}
	}
	return here, nil
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
	earlierDone = mayBeTwice + backEarlier
	laterToo    = mayBeTwice + "the provider reports that it is back, and had reported so under an earlier key"

	backEarlier = "the provider reports that it is back under an earlier key, which had failed: " // and under no later one
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
// has settled, and is back all the same, has gone twice: a person has to know.
func (s *Service) afterReport(
	ctx context.Context, p Provider, row refundRow, sending int, report RefundReport,
) (to refundChange, news bool, err error) {
	later := s.Now().Add(refundPause(row.Tries))
	switch {
	case strings.HasPrefix(row.Detail, mayBeTwice) && (row.State == refundNeedsAttention || row.State == refundSettled):
		return to, false, nil // a person knows, or has known
	case row.State == refundDone && strings.HasPrefix(row.Detail, backEarlier):
		return s.afterBackEarlier(ctx, p, row, sending, report)
	case report.State == RefundDone && sending < row.Sending:
		to, news = s.afterEarlierDone(ctx, p, row, sending, report.Key)
		return to, news, ctx.Err()
	case report.State == RefundDone && row.State == refundSettled:
		return s.goneTwice(ctx, row, settledToo), true, nil
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

// afterEarlierDone says what a refund becomes of which its provider reports that it is back under an earlier key, which had failed
// before, so that the refund was sent anew. The provider is asked for both keys. If the earlier one has failed, the report is of
// before that, and no news. If the later one was never sent, or the provider knows that its money has not gone, the refund is back
// by the earlier one, and is sent no more. What else is answered, or is not, leaves open whether it has gone twice.
func (s *Service) afterEarlierDone(
	ctx context.Context, p Provider, row refundRow, sending int, key string,
) (to refundChange, news bool) {
	earlier := row
	earlier.Sending, earlier.Reference = sending, ""
	if status, err := s.askForRefund(ctx, p, earlier); err == nil && status.State == RefundFailed {
		return to, false
	}
	if row.State != refundSettled && !s.mayHaveGone(ctx, p, row) {
		return refundChange{state: refundDone, detail: backEarlier + key, nextAt: s.Now()}, true
	}
	return s.goneTwice(ctx, row, earlierDone+key), true
}

// afterBackEarlier says what becomes of a refund that is back by an earlier key: it has gone twice if it goes by the later one as
// well, and not at all if the earlier one has failed after all, which the provider has to say when it is asked.
func (s *Service) afterBackEarlier(
	ctx context.Context, p Provider, row refundRow, sending int, report RefundReport,
) (to refundChange, news bool, err error) {
	switch {
	case sending == row.Sending && (report.State == RefundDone || report.State == RefundPending):
		return s.goneTwice(ctx, row, laterToo), true, nil
	case row.Detail == backEarlier+report.Key && (report.State == RefundFailed || report.State == RefundStuck):
		earlier := row
		earlier.Sending, earlier.Reference = sending, ""
		status, err := s.askAfter(ctx, p, earlier, report.RefundStatus)
		to := afterStatus(row, status, s.Now())
		return to, err == nil && to.state == refundNeedsAttention, err
	}
	return to, false, nil
}

// mayHaveGone tells whether the money of a refund may have gone, or may yet go, under the key that it has now.
func (s *Service) mayHaveGone(ctx context.Context, p Provider, row refundRow) bool {
	if row.Tries == 0 { // no worker has taken it
		return false
	}
	status, err := s.askForRefund(ctx, p, row)
	if err != nil {
		return !errors.Is(err, ErrUnknownRefund)
	}
	return status.State != RefundFailed
}

// goneTwice gives a refund to a person whose money may have gone twice.
func (s *Service) goneTwice(ctx context.Context, row refundRow, detail string) refundChange {
	s.Log.WarnContext(ctx, "a refund may have gone twice", "refund_id", row.ID, "provider", row.Provider, "detail", detail)
	return refundChange{state: refundNeedsAttention, detail: detail, nextAt: s.Now().Add(refundPause(row.Tries))}
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

package payment

import (
	"context"
	"errors"
	"slices"
	"time"

	"boxoffice/common/db"
)

// A provider that is no longer configured leaves work behind that nobody can do: its refunds are shown to a person, who
// settles them by hand, and its open attempts end some time. Once it is configured again, all goes on.

const (
	// goneAfter is how long work of a provider waits before it counts as left behind. A worker takes what is due within
	// seconds; while an office is upgraded, some processes do not know a new provider yet.
	goneAfter = 10 * time.Minute
	goneLimit = 64 // rows of one kind in one pass

	notConfigured = "its payment provider is not configured any more"
	// notConfiguredAsked is for who would send the money by other means: it may come twice.
	notConfiguredAsked = notConfigured + ", and may have sent the money: ask it first"
)

// Unattended is how much work of a provider nobody does: it is not configured, or no process of the role order runs.
type Unattended struct {
	Provider string `db:"provider"`
	Attempts int    `db:"attempts"` // that may still be paid
	Refunds  int    `db:"refunds"`  // whose money is not back
}

// Unattended counts, for each provider, the attempts and refunds that should have been looked after for long.
func (s *Service) Unattended(ctx context.Context) ([]Unattended, error) {
	var found []Unattended
	before := s.Now().Add(-goneAfter).UnixMilli()
	if err := s.db.Reader().SelectContext(ctx, &found, `SELECT provider, SUM(attempts) AS attempts, SUM(refunds) AS refunds FROM (
		SELECT provider, COUNT(*) AS attempts, 0 AS refunds FROM payment_attempts
			WHERE state IN ('starting', 'open') AND next_at <= ? GROUP BY provider
		UNION ALL SELECT provider, 0, COUNT(*) FROM refunds WHERE state IN ('due', 'sent', 'failed', 'needs_attention')
			AND (state <> 'needs_attention' AND next_at <= ? OR state = 'needs_attention' AND detail IN (?, ?)) GROUP BY provider
		) AS open_work GROUP BY provider ORDER BY provider`, before, before, notConfigured, notConfiguredAsked); err != nil {
		return nil, s.failed("count payments that nobody looks after", err)
	}
	return found, nil
}

// gone returns the names of providers that have open work and are not configured.
func (s *Service) gone(ctx context.Context) ([]string, error) {
	var names []string
	if err := s.db.Reader().SelectContext(ctx, &names, `SELECT DISTINCT provider FROM refunds
		WHERE state IN ('due', 'sent', 'failed', 'needs_attention') AND state <> 'needs_attention'
		UNION SELECT DISTINCT provider FROM payment_attempts WHERE state IN ('starting', 'open')`); err != nil {
		return nil, s.failed("look for providers that are not configured", err)
	}
	names = slices.DeleteFunc(names, s.Knows)
	slices.Sort(names)
	return names, nil
}

// warnOfGone tells, when the work begins, of what it will leave undone.
func (s *Service) warnOfGone(ctx context.Context) {
	if names, err := s.gone(ctx); err == nil && len(names) > 0 { // an error is told by the work itself
		s.Log.WarnContext(ctx, "payments or refunds are open with providers that are not configured", "providers", names)
	}
}

// leaveGone gives the refunds of providers that are not configured to a person, and ends their attempts for good when they
// were due for days. It returns how many there were.
func (s *Service) leaveGone(ctx context.Context) (int, error) {
	names, err := s.gone(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, name := range names {
		refunds, err := s.openRefunds(ctx, name, s.Now().Add(-goneAfter), goneLimit)
		if err != nil {
			return n, err
		}
		for _, row := range refunds {
			detail := notConfigured
			if row.Tries > 0 {
				detail = notConfiguredAsked
			}
			err := s.changeRefund(ctx, row, refundChange{state: refundNeedsAttention, detail: detail, nextAt: s.Now()})
			if err != nil && !errors.Is(err, db.ErrConflict) {
				return n, err
			}
			n++
		}
		ended, err := s.endAttempts(ctx, name)
		if err != nil {
			return n, err
		}
		n += ended
	}
	return n, nil
}

// endAttempts closes the attempts of a provider that is gone, whose orders were due for days, and of which it has said nothing
// for as long. Money that comes for them nevertheless is reported to nobody.
func (s *Service) endAttempts(ctx context.Context, provider string) (int, error) {
	before := s.Now().Add(-giveUpAfter).UnixMilli()
	var ids []string
	if err := s.db.Reader().SelectContext(ctx, &ids, `SELECT id FROM payment_attempts
		WHERE state IN ('starting', 'open') AND provider = ? AND expires_at <= ? AND answered_at <= ? LIMIT ?`,
		provider, before, before, goneLimit); err != nil {
		return 0, s.failed("read attempts of a provider that is gone", err)
	}
	for _, id := range ids {
		if err := s.closeAttempt(ctx, provider, id, Closed); err != nil {
			return 0, err
		}
		s.Log.WarnContext(ctx, "a payment is given up: nobody can ask whether money came", "provider", provider, "attempt_id", id)
	}
	return len(ids), nil
}

// takeBack sends the refunds of a provider that is configured again, as they were, with all tries before them. It returns how many
// there were.
func (s *Service) takeBack(ctx context.Context, p Provider) (int, error) {
	var rows []refundRow
	if err := s.db.Reader().SelectContext(ctx, &rows, refundSelect+`
		WHERE r.state IN ('due', 'sent', 'failed', 'needs_attention') AND r.provider = ? AND r.state = 'needs_attention'
		AND r.detail IN (?, ?) LIMIT ?`, p.Name(), notConfigured, notConfiguredAsked, goneLimit); err != nil {
		return 0, s.failed("read refunds of a provider that is back", err)
	}
	for _, row := range rows {
		err := s.changeRefund(ctx, row, refundChange{state: refundDue, nextAt: s.Now(), anew: true})
		if err != nil && !errors.Is(err, db.ErrConflict) {
			return 0, err
		}
	}
	return len(rows), nil
}

package payment

import "context"

// Unanswered is how many payments a provider leaves open of which nothing is known: whether it is away or refuses to say, their
// orders have ended, and money may have come for them.
type Unanswered struct {
	Provider string `db:"provider"`
	Attempts int    `db:"attempts"`
}

// Unanswered counts, for each provider, the attempts that should have ended for long, that are asked for, and that it has not called
// open either. Those for which nobody asks are Unattended.
func (s *Service) Unanswered(ctx context.Context) ([]Unanswered, error) {
	var found []Unanswered
	before := s.Now().Add(-unansweredAfter).UnixMilli()
	if err := s.db.Reader().SelectContext(ctx, &found, `SELECT provider, COUNT(*) AS attempts FROM payment_attempts
		WHERE state IN ('starting', 'open') AND next_at > ? AND expires_at <= ? AND answered_at <= ? GROUP BY provider ORDER BY provider`,
		s.Now().Add(-goneAfter).UnixMilli(), before, before); err != nil {
		return nil, s.failed("count payments of which nothing is known", err)
	}
	return found, nil
}

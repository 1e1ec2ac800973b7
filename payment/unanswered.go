package payment

import (
	"context"
	"strings"
)

// Unanswered is how many payments a provider leaves open of which nothing is known: whether it is away or refuses to say, their
// orders have ended, and money may have come for them.
type Unanswered struct {
	Provider string
	Attempts int
	Accounts string // with which they were started, with commas between, except the one that is configured here; empty if nobody knows
}

// Unanswered counts, for each provider, the attempts that should have ended for long, that are asked for, and that it has not
// called open either. Those for which nobody asks are Unattended.
func (s *Service) Unanswered(ctx context.Context) ([]Unanswered, error) {
	var rows []struct {
		Provider string `db:"provider"`
		Account  string `db:"account"`
		Attempts int    `db:"attempts"`
	}
	before := s.Now().Add(-unansweredAfter).UnixMilli()
	if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT provider, account, COUNT(*) AS attempts FROM payment_attempts
		WHERE state IN ('starting', 'open') AND next_at > ? AND expires_at <= ? AND answered_at <= ?
		GROUP BY provider, account ORDER BY provider, account`,
		s.Now().Add(-goneAfter).UnixMilli(), before, before); err != nil {
		return nil, s.failed("count payments of which nothing is known", err)
	}
	var found []Unanswered
	for _, row := range rows {
		if len(found) == 0 || found[len(found)-1].Provider != row.Provider {
			found = append(found, Unanswered{Provider: row.Provider})
		}
		last := &found[len(found)-1]
		last.Attempts += row.Attempts
		if p, exists := s.providers[row.Provider]; exists && accountOf(p) == row.Account {
			continue
		}
		last.Accounts = strings.TrimPrefix(last.Accounts+", "+row.Account, ", ")
	}
	return found, nil
}

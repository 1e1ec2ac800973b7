package payment

import "context"

// An office can be started with another account of a provider while attempts of the one before are open. That account has never
// heard of them: were it asked, they would end as unpaid, with their money at the one before. So an attempt is asked for with the
// account alone that it was started with. Until that is configured again it counts as one whose provider refuses to say anything,
// and is given up as such (giveUpRefusedAfter).

// warnOfOtherAccounts tells, when the work begins, of open attempts that nobody can be asked for.
func (s *Service) warnOfOtherAccounts(ctx context.Context) {
	var found []attemptRow
	if err := s.db.Reader().SelectContext(ctx, &found, `SELECT DISTINCT provider, account FROM payment_attempts
		WHERE state IN ('starting', 'open') ORDER BY provider, account`); err != nil {
		return // the work itself tells of it
	}
	for _, row := range found {
		if p, exists := s.providers[row.Provider]; exists && !row.isOf(accountOf(p)) {
			s.Log.WarnContext(ctx,
				"payments are open that were started with another account of their provider: configure it again until they have ended",
				"provider", row.Provider, "account", row.Account, "configured", accountOf(p))
		}
	}
}

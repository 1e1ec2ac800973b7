package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// isOurs tells whether a payment that a callback reports is for this office: all are whose account is the office's alone,
// and otherwise those of an attempt that was made here. Money of somebody else must not be recorded, since it would find no
// order and be sent back. An attempt that is not in the database, but has an id that this office gives, and the name of no other
// one, may be one that a restore of the database has lost: its provider is asked, and only what it confirms is taken.
func (s *Service) isOurs(ctx context.Context, p Provider, paid Payment) (bool, error) {
	if shared, ok := p.(SharedAccount); !ok || !shared.SharedAccount() {
		return true, nil
	}
	if known, err := s.knowsAttempt(ctx, p.Name(), paid.AttemptID); known || err != nil {
		return known, err
	}
	log := s.Log.With("provider", p.Name(), "payment_id", paid.ID, "attempt_id", paid.AttemptID, "order_id", paid.OrderID)
	if paid.Foreign || !isAttemptID(paid.AttemptID, paid.OrderID, p.Name()) {
		log.WarnContext(ctx, "a callback reports money that was not asked for here, and is ignored")
		return false, nil
	}
	return s.isConfirmed(ctx, log, p, paid)
}

// isConfirmed asks a provider whether it has taken a payment for an attempt that is not in the database. One that refuses to say
// may do so once a person has mended the office's key: until then the callback comes again, as after an outage.
func (s *Service) isConfirmed(ctx context.Context, log *slog.Logger, p Provider, paid Payment) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	status, err := p.Query(ctx, Attempt{ID: paid.AttemptID, OrderID: paid.OrderID, Amount: paid.Amount, Reference: paid.Reference})
	switch err := s.answered(p, err); {
	case errors.Is(err, ErrRefused):
		log.WarnContext(ctx, "a callback reports money that its provider refuses to confirm, and is to come again", "error", err)
		return false, fmt.Errorf("%w: %w", ErrProviderAway, err)
	case err != nil && !errors.Is(err, ErrUnsupported):
		return false, err
	}
	confirmed := slices.ContainsFunc(status.Payments, func(known Payment) bool { return known.ID == paid.ID && !known.Foreign })
	log.WarnContext(ctx, "a callback reports money of an attempt that is not in the database", "confirmed", confirmed)
	return confirmed, nil
}

package notify

import (
	"context"

	"boxoffice/common/audit"
)

// OfOrder returns the notifications of an order, the oldest first.
func (s *Service) OfOrder(ctx context.Context, orderID string) ([]Notification, error) {
	return nil, nil
}

// OfBuyer returns up to limit notifications of a buyer, the latest first.
func (s *Service) OfBuyer(ctx context.Context, buyerID string, limit int) ([]Notification, error) {
	return nil, nil
}

// Find returns the notifications that a filter picks, in the order of their ids, and the id to go on after; empty at the end.
func (s *Service) Find(ctx context.Context, f Filter) (found []Notification, next string, err error) {
	return nil, "", nil
}

// Message returns a notification as it would be sent now. It fails with ErrAbsent.
func (s *Service) Message(ctx context.Context, id string) (Message, error) {
	return Message{}, ErrAbsent
}

// Retry has a dead notification sent again. It fails with ErrAbsent or ErrNotDead.
func (s *Service) Retry(ctx context.Context, id string, act audit.Act) (Notification, error) {
	return Notification{}, ErrAbsent
}

// Count counts what is due and what is dead, by channel.
func (s *Service) Count(ctx context.Context) (map[Channel]Counts, error) { return nil, nil }

// Acts returns what operators did, the latest first, at most limit.
func (s *Service) Acts(ctx context.Context, f audit.Filter, limit int) ([]audit.Recorded, error) {
	return nil, nil
}

// ActsOn returns what operators did to some notifications, the earliest first.
func (s *Service) ActsOn(ctx context.Context, ids ...string) ([]audit.Recorded, error) {
	return nil, nil
}

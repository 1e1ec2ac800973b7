package mq

import (
	"context"
	"time"
)

// Outcome is what a local transaction came to.
type Outcome int

// The outcomes.
const (
	Unknown Outcome = iota
	Commit
	Rollback
)

// Half is a half message that the broker asks about.
type Half struct {
	Topic, TxID string
	Body        []byte
	Born        time.Time
	Checks      int
}

// CheckFunc answers a check-back.
type CheckFunc func(context.Context, Half) Outcome

// Transactor sends half messages and answers check-backs.
type Transactor struct{}

// NewTransactor starts a transactional producer of a group.
func (b *Bus) NewTransactor(ctx context.Context, group string, check CheckFunc) (*Transactor, error) {
	return nil, ErrUnavailable
}

// Close ends the transactor.
func (t *Transactor) Close(ctx context.Context) error { return nil }

// SendHalf sends a half message and runs local once the broker has stored it.
func SendHalf[T any](ctx context.Context, t *Transactor, topic Topic[T], txID string, payload T, local func(context.Context) Outcome) (Outcome, error) {
	return Unknown, ErrNotSent
}

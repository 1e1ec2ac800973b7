package mq

import (
	"context"
	"time"
)

// warmUpTopic takes the half message that makes a new transactional producer known to the brokers. Each one is rolled
// back, and nobody consumes the topic.
const warmUpTopic = "boxoffice-warm-up"

// Outcome is the result of a local transaction, as far as it is known.
type Outcome int

// The outcomes. Unknown leaves the half message as it is, to be checked back later.
const (
	Unknown Outcome = iota
	Commit
	Rollback
)

// Half is a half message that the broker checks back.
type Half struct {
	Topic, TxID string
	Body        []byte
	Born        time.Time // by the clock of the process that sent it
	Checks      int       // which check this is, from 1
}

// CheckFunc answers a check-back with the outcome of the half message's local transaction. It gets about three seconds,
// after which the answer is Unknown, as it is after a panic. Rollback is right only when the local transaction can no
// longer commit.
type CheckFunc func(context.Context, Half) Outcome

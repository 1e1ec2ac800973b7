package mq

import "time"

const (
	// exhaustedTopic is the broker's own topic of the half messages that were checked back transactionCheckMax times
	// (TopicValidator 5.3.3).
	exhaustedTopic = "TRANS_CHECK_MAX_TIME_TOPIC"

	// reviewGroup is the consumer group whose offsets say which dead messages somebody has dealt with.
	reviewGroup = "boxoffice-doctor"
)

// DeadMessage is a message that the brokers have given up: a dead letter of a consumer group, or a half message after
// its last check-back.
type DeadMessage struct {
	Topic     string // to which it was sent
	Key       string
	MessageID string
	Body      []byte
	StoredAt  time.Time // when it was given up, by the broker's clock

	owner string
}

// DeadMessages are dead messages that were read together, the oldest of each queue first.
type DeadMessages struct {
	List []DeadMessage

	next map[messageQueue]int64 // the offsets that follow what was read, others' messages included
}

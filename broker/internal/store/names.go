package store

import (
	"errors"
	"fmt"
	"strings"
)

// Topics the broker itself uses (TopicValidator).
const (
	HalfTopic       = "RMQ_SYS_TRANS_HALF_TOPIC"
	ScheduleTopic   = "SCHEDULE_TOPIC_XXXX"
	CheckedOutTopic = "TRANS_CHECK_MAX_TIME_TOPIC"
	TemplateTopic   = "TBW102"

	RetryPrefix      = "%RETRY%"
	DeadLetterPrefix = "%DLQ%"
)

// MaxQueues is how many queues a topic may have.
const MaxQueues = 1024

const maxTopicName = 127 // TopicValidator.TOPIC_MAX_LENGTH

var (
	errTopicName   = errors.New("illegal topic name")
	errTopicQueues = errors.New("illegal number of queues")
)

// ValidTopicName applies TopicValidator.validateTopic: letters, digits and
// the signs % | - _, at most 127 of them.
func ValidTopicName(name string) error {
	if name == "" || len(name) > maxTopicName {
		return fmt.Errorf("%w: length %d", errTopicName, len(name))
	}
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("%|-_", r) {
			return fmt.Errorf("%w: %q", errTopicName, name)
		}
	}
	return nil
}

// validQueue tells whether a topic may have a queue of that id.
func validQueue(topic string, id int32) error {
	if err := ValidTopicName(topic); err != nil {
		return err
	}
	if id < 0 || id >= MaxQueues {
		return fmt.Errorf("%w: queue %d", errTopicQueues, id)
	}
	return nil
}

// ReservedForBroker reports whether clients may not send to the topic
// (TopicValidator.isNotAllowedSendTopic).
func ReservedForBroker(name string) bool {
	return name == HalfTopic || name == ScheduleTopic || name == CheckedOutTopic
}

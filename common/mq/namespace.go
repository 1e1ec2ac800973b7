package mq

import (
	"fmt"
	"strings"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

const (
	// The brokers make a group's retry and dead-letter topics from its name (MixAll 5.3.3).
	retryPrefix      = "%RETRY%"
	deadLetterPrefix = "%DLQ%"

	// The longest names: a topic's by TopicValidator 5.3.3, and a group's, because its retry topic is a topic too. A
	// consumer of a longer one would get nothing, and nobody would say why.
	maxTopicName = 127
	maxGroupName = maxTopicName - len(retryPrefix)

	// maxPrefix leaves most of the characters of a name to the name itself.
	maxPrefix = 32

	propertyOwner = "BOXOFFICE_OWNER"
)

// namespace keeps the systems on one cluster apart: it puts a prefix before the names of a system's topics and groups,
// and the owner's id on its messages. Both may be empty.
type namespace struct{ prefix, owner string }

// CheckPrefix fails for a prefix that topics and groups cannot have.
func CheckPrefix(prefix string) error {
	bad := strings.ContainsFunc(prefix, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
	if bad || len(prefix) > maxPrefix {
		return fmt.Errorf("prefix %q has more than %d characters, or others than letters, digits, _ and -", prefix, maxPrefix)
	}
	return nil
}

// qualify returns the name by which the brokers know a topic or a group. In a retry or dead-letter topic the prefix goes
// before the group's name, where the broker, which makes these names from those of groups, looks for it.
func (n namespace) qualify(plain string) string {
	for _, kind := range []string{retryPrefix, deadLetterPrefix} {
		if group, ok := strings.CutPrefix(plain, kind); ok {
			return kind + n.prefix + group
		}
	}
	return n.prefix + plain
}

// plainTopic is the reverse of qualify for a topic of the callers.
func (n namespace) plainTopic(qualified string) string {
	return strings.TrimPrefix(qualified, n.prefix)
}

// checkTopic fails for a topic that the brokers would refuse.
func (n namespace) checkTopic(topic string) error {
	if length := len(n.qualify(topic)); topic == "" || length > maxTopicName {
		return fmt.Errorf("topic %q has %d characters with the prefix, and may have 1 to %d", topic, length, maxTopicName)
	}
	return nil
}

// checkGroup fails for a group whose retry topic the brokers would refuse.
func (n namespace) checkGroup(group string) error {
	if length := len(n.qualify(group)); group == "" || length > maxGroupName {
		return fmt.Errorf("group %q has %d characters with the prefix, and may have 1 to %d", group, length, maxGroupName)
	}
	return nil
}

// setOwner marks a message as one of this system.
func (n namespace) setOwner(m *primitive.Message) {
	if n.owner != "" {
		m.WithProperty(propertyOwner, n.owner)
	}
}

// checkOwner fails with ErrForeign for a message that another system has sent. A message without an owner was sent by a
// version that did not set one, and is taken.
func (n namespace) checkOwner(m *primitive.Message) error {
	owner := m.GetProperty(propertyOwner)
	if owner == "" || n.owner == "" || owner == n.owner {
		return nil
	}
	return fmt.Errorf("message is %w: owner %s, and this is %s", ErrForeign, owner, n.owner)
}

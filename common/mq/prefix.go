package mq

import (
	"fmt"
	"strings"
)

const (
	retryPrefix      = "%RETRY%"
	deadLetterPrefix = "%DLQ%"

	// maxPrefix leaves most of the 127 characters of a topic name (TopicValidator 5.3.3) to the name itself.
	maxPrefix = 32

	// maxName is a topic's, and maxGroup a group's: %RETRY% before it makes a topic too. A consumer of a longer one would
	// get nothing, and nobody would say why.
	maxName  = 127
	maxGroup = maxName - len(retryPrefix)
)

// checkName fails for a topic that the brokers would refuse.
func (b *Bus) checkName(topic string) error {
	if n := len(b.name(topic)); topic == "" || n > maxName {
		return fmt.Errorf("topic %q has %d characters with the prefix, and may have 1 to %d", topic, n, maxName)
	}
	return nil
}

// checkGroup fails for a group whose retry topic the brokers would refuse.
func (b *Bus) checkGroup(group string) error {
	if n := len(b.name(group)); group == "" || n > maxGroup {
		return fmt.Errorf("group %q has %d characters with the prefix, and may have 1 to %d", group, n, maxGroup)
	}
	return nil
}

// CheckPrefix refuses a prefix of topics and groups that they cannot have.
func CheckPrefix(prefix string) error {
	bad := strings.ContainsFunc(prefix, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
	if bad || len(prefix) > maxPrefix {
		return fmt.Errorf("prefix %q has more than %d characters, or others than letters, digits, _ and -", prefix, maxPrefix)
	}
	return nil
}

// name is what the brokers call a topic or a group. The prefix of a retry or dead-letter topic goes before the group's
// name, where the broker, which makes these names from those of groups, looks for it.
func (b *Bus) name(plain string) string {
	for _, kind := range []string{retryPrefix, deadLetterPrefix} {
		if group, ok := strings.CutPrefix(plain, kind); ok {
			return kind + b.prefix + group
		}
	}
	return b.prefix + plain
}

// plainTopic undoes name for a topic of the callers.
func (b *Bus) plainTopic(name string) string { return strings.TrimPrefix(name, b.prefix) }

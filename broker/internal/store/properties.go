package store

import (
	"errors"
	"fmt"
	"strconv"

	"boxoffice/broker/remoting"
)

// ErrNoRealTopic says that a half or delayed message does not tell where it is to go.
var ErrNoRealTopic = errors.New("has no real topic")

// keepDestination notes in a message the topic and queue that its producer sent
// it to, before it waits on a topic of the broker's own.
func keepDestination(m *remoting.Message) {
	m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyRealTopic, m.Topic)
	m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyRealQueueID, strconv.Itoa(int(m.QueueID)))
}

// RealDestination puts a half or delayed message back on the topic and queue
// its producer sent it to. The properties stay, as consumers of a real broker
// see them.
func RealDestination(m *remoting.Message) error {
	topic, _ := remoting.Property(m.Properties, remoting.PropertyRealTopic)
	text, _ := remoting.Property(m.Properties, remoting.PropertyRealQueueID)
	id, err := strconv.ParseInt(text, 10, 32)
	if topic == "" || err != nil {
		return fmt.Errorf("message at %d %w", m.PhysicalOffset, ErrNoRealTopic)
	}
	m.Topic, m.QueueID = topic, int32(id)
	return nil
}

// PrepareHalf moves a message to the half topic
// (TransactionalMessageBridge.parseHalfMessageInner).
func PrepareHalf(m *remoting.Message) {
	if key, ok := remoting.Property(m.Properties, remoting.PropertyUniqueKey); ok {
		m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyTransactionID, key)
	}
	keepDestination(m)
	m.SysFlag &^= remoting.SysFlagTransactionMask
	m.Topic, m.QueueID = HalfTopic, 0
}

func tagOf(properties string) int32 {
	tags, ok := remoting.Property(properties, remoting.PropertyTags)
	if !ok {
		return 0
	}
	return remoting.TagHash(tags)
}

// DelayLevel is the delay level a message asks for, 0 without one.
func DelayLevel(properties string) int32 {
	return int32(number(properties, remoting.PropertyDelayTimeLevel, 32))
}

func checksOf(properties string) int32 {
	return int32(number(properties, remoting.PropertyTransactionCheckTimes, 32))
}

// maxImmunity bounds CHECK_IMMUNITY_TIME_IN_SECONDS so that it cannot overflow.
const maxImmunity = 365 * 24 * 3600

// Immunity is the CHECK_IMMUNITY_TIME_IN_SECONDS of a half message in ms, 0
// without one (TransactionalMessageUtil.getImmunityTime).
func Immunity(properties string) int64 {
	return min(number(properties, remoting.PropertyCheckImmunityTimeInSeconds, 64), maxImmunity) * 1000
}

// number reads a property that is a number of so many bits. What is none, or below 0, is 0.
func number(properties, name string, bits int) int64 {
	text, ok := remoting.Property(properties, name)
	if !ok { // as of most messages: making an error for each of them costs memory
		return 0
	}
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

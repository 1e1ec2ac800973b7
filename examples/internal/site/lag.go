package site

import (
	"fmt"
	"time"
)

// AwaitLag returns when a group has so many messages of a topic not acknowledged. A real broker is not asked, but given time.
func (s *Site) AwaitLag(group, topic string, messages int64) error {
	if s.Broker == nil {
		<-time.After(arrivalSlack)
		return nil
	}
	for deadline := time.Now().Add(pendingTimeout); s.Broker.ConsumerLag(group, topic) != messages; <-time.After(poll) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s has %d messages of %s to acknowledge, not %d", group, s.Broker.ConsumerLag(group, topic), topic, messages)
		}
	}
	return nil
}

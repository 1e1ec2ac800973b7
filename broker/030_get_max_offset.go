package broker

import (
	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
)

// GET_MAX_OFFSET (30): the offset the next message of a queue will have.
//
// Source: Apache RocketMQ 5.3.3, AdminBrokerProcessor.getMaxOffset.
//
// Ext: topic, queueId.
//
// Answer: 0 with offset. An unknown queue has 0, as in the real broker.
//
// Behaviour: messages that are not on disk yet do not count.
func (b *Broker) getMaxOffset(c *transport.Call) error {
	return b.answerBound(c, func(q *store.Queue) int64 {
		_, end := q.Bounds()
		return end
	})
}

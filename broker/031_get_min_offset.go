package broker

import (
	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
)

// GET_MIN_OFFSET (31): the oldest offset of a queue that retention has left.
//
// Source: Apache RocketMQ 5.3.3, AdminBrokerProcessor.getMinOffset.
//
// Ext: topic, queueId.
//
// Answer: 0 with offset. An unknown queue has 0.
func (b *Broker) getMinOffset(c *transport.Call) error {
	return b.answerBound(c, func(q *store.Queue) int64 {
		lowest, _ := q.Bounds()
		return lowest
	})
}

package broker

// GET_MIN_OFFSET (31): the oldest offset of a queue that retention has left.
//
// Source: Apache RocketMQ 5.3.3, AdminBrokerProcessor.getMinOffset.
//
// Ext: topic, queueId.
//
// Answer: 0 with offset. An unknown queue has 0.
func (b *Broker) getMinOffset(c *call) {
	b.queueBound(c, func(q *queue) int64 {
		lowest, _ := q.bounds()
		return lowest
	})
}

package broker

// GET_MAX_OFFSET (30): the offset the next message of a queue will have.
//
// Source: Apache RocketMQ 5.3.3, AdminBrokerProcessor.getMaxOffset.
//
// Ext: topic, queueId.
//
// Answer: 0 with offset. An unknown queue has 0, as in the real broker.
//
// Behaviour: messages that are not on disk yet do not count.
func (b *Broker) getMaxOffset(c *call) {
	b.queueBound(c, func(q *queue) int64 {
		_, end := q.bounds()
		return end
	})
}

func (b *Broker) queueBound(c *call, bound func(*queue) int64) {
	f := &fields{ext: c.frame.Ext}
	topic, id := f.text("topic"), f.int32("queueId")
	if f.err != nil {
		c.replyError(f.err)
		return
	}
	q := b.topics.queue(topic, id)
	if q == nil {
		c.answerOffset(0)
		return
	}
	c.answerOffset(bound(q))
}

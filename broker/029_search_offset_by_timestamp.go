package broker

import "sort"

// SEARCH_OFFSET_BY_TIMESTAMP (29): the first message of a queue that was stored
// at or after a time.
//
// Source: Apache RocketMQ 5.3.3, AdminBrokerProcessor.searchOffsetByTimestamp.
//
// Ext: topic, queueId, timestamp (Unix ms).
//
// Answer: 0 with offset, the queue's end when all messages are older. An unknown
// queue has 0.
func (b *Broker) searchOffsetByTimestamp(c *call) {
	f := &fields{ext: c.frame.Ext}
	topic, id, at := f.text("topic"), f.int32("queueId"), f.int64("timestamp")
	if f.err != nil {
		c.replyError(f.err)
		return
	}
	q := b.topics.queue(topic, id)
	if q == nil {
		c.answerOffset(0)
		return
	}
	lowest, end := q.bounds()
	var failure error
	n := sort.Search(int(end-lowest), func(i int) bool {
		one := q.window(nil, lowest+int64(i), 1)
		if len(one) == 0 {
			return false // retention has just cut it off
		}
		m, err := b.load(one[0].offset)
		if err != nil {
			failure = err
			return false
		}
		return m.StoreTimestamp >= at
	})
	if failure != nil {
		c.replyError(failure)
		return
	}
	c.answerOffset(lowest + int64(n))
}

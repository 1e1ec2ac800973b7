package broker

import (
	"sort"

	"boxoffice/broker/internal/transport"
)

// SEARCH_OFFSET_BY_TIMESTAMP (29): the first message of a queue that was stored
// at or after a time.
//
// Source: Apache RocketMQ 5.3.3, AdminBrokerProcessor.searchOffsetByTimestamp.
//
// Ext: topic, queueId, timestamp (Unix ms).
//
// Answer: 0 with offset, the queue's end when all messages are older. An unknown
// queue has 0.
func (b *Broker) searchOffsetByTimestamp(c *transport.Call) error {
	f := &fields{ext: c.Frame.Ext}
	topic, id, at := f.text("topic"), f.int32("queueId"), f.int64("timestamp")
	if f.err != nil {
		return f.err
	}
	q := b.store.Topics.Queue(topic, id)
	if q == nil {
		answerOffset(c, 0)
		return nil
	}
	lowest, end := q.Bounds()
	var failure error
	n := sort.Search(int(end-lowest), func(i int) bool {
		one := q.Window(nil, lowest+int64(i), 1)
		if len(one) == 0 {
			return false // retention has just cut it off
		}
		m, err := b.store.Load(one[0].Offset)
		if err != nil {
			failure = err
			return false
		}
		return m.StoreTimestamp >= at
	})
	if failure != nil {
		return failure
	}
	answerOffset(c, lowest+int64(n))
	return nil
}

package broker

import (
	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
)

// answerBound answers with an offset of the queue that a request names. An unknown
// queue has 0.
func (b *Broker) answerBound(c *transport.Call, bound func(*store.Queue) int64) error {
	f := &fields{ext: c.Frame.Ext}
	topic, id := f.text("topic"), f.int32("queueId")
	if f.err != nil {
		return f.err
	}
	q := b.store.Topics.Queue(topic, id)
	if q == nil {
		answerOffset(c, 0)
		return nil
	}
	answerOffset(c, bound(q))
	return nil
}

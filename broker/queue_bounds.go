package broker

import (
	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
)

// answerBound answers with an offset of the queue that a request names. An unknown
// queue has 0.
func (b *Broker) answerBound(c *transport.Call, bound func(*store.Queue) int64) {
	f := &fields{ext: c.Frame.Ext}
	topic, id := f.text("topic"), f.int32("queueId")
	if f.err != nil {
		replyError(c, f.err)
		return
	}
	q := b.store.Topics.Queue(topic, id)
	if q == nil {
		answerOffset(c, 0)
		return
	}
	answerOffset(c, bound(q))
}

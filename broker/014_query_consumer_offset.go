package broker

import (
	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// QUERY_CONSUMER_OFFSET (14): where a group goes on in a queue.
//
// Source: Apache RocketMQ 5.3.3, ConsumerManageProcessor.queryConsumerOffset.
//
// Ext: consumerGroup, topic, queueId, setZeroIfNotFound (optional).
//
// Answer: 0 with offset; 22 when the group has none, upon which the client
// applies its ConsumeFromWhere.
//
// Behaviour: as the real broker, a group that has no offset yet gets 0 when
// the queue has messages and still starts at 0. On a young topic
// ConsumeFromLastOffset therefore does not skip what is there. For the group in
// which the broker reads half messages itself, see halfPosition.
func (b *Broker) queryConsumerOffset(c *transport.Call) error {
	f := &fields{ext: c.Frame.Ext}
	key := store.Consumed{Group: f.text("consumerGroup"), Topic: f.text("topic"), Queue: f.int32("queueId")}
	if f.err != nil {
		return f.err
	}
	if key == (store.Consumed{Group: halfReader, Topic: store.HalfTopic}) {
		answerOffset(c, b.halfPosition())
		return nil
	}
	if offset, ok := b.store.Offsets.Query(key); ok {
		answerOffset(c, offset)
		return nil
	}
	q := b.store.Topics.Queue(key.Topic, key.Queue)
	if q != nil && c.Frame.Ext["setZeroIfNotFound"] != "false" {
		if lowest, end := q.Bounds(); lowest == 0 && end > 0 {
			answerOffset(c, 0)
			return nil
		}
	}
	c.Reply(remoting.QueryNotFound, "Not found, maybe this group consumer boot first")
	return nil
}

// halfReader is the group in which a real broker consumes its own half messages
// (MixAll.CID_SYS_RMQ_TRANS).
const halfReader = "CID_RMQ_SYS_TRANS"

// halfPosition is the answer to where halfReader stands in the half topic: as
// far from its end as there are open halves. Operators of a real broker read
// the halves in doubt from that distance. There, what is still open after a
// pass of check-backs is stored again at the end of the topic; here a half stays
// where it is, so the position is computed.
func (b *Broker) halfPosition() int64 {
	open := int64(b.store.Halves.Count())
	_, end := b.store.Topics.Queue(store.HalfTopic, 0).Bounds()
	return max(end-open, 0)
}

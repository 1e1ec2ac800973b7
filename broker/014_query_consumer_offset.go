package broker

import (
	"strconv"

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
func (b *Broker) queryConsumerOffset(c *call) {
	f := &fields{ext: c.frame.Ext}
	key := consumed{f.text("consumerGroup"), f.text("topic"), f.int32("queueId")}
	if f.err != nil {
		c.replyError(f.err)
		return
	}
	if key == (consumed{halfReader, topicHalf, 0}) {
		c.answerOffset(b.halfPosition())
		return
	}
	if offset, ok := b.offsets.query(key); ok {
		c.answerOffset(offset)
		return
	}
	q := b.topics.queue(key.topic, key.queue)
	if q != nil && c.frame.Ext["setZeroIfNotFound"] != "false" {
		if lowest, end := q.bounds(); lowest == 0 && end > 0 {
			c.answerOffset(0)
			return
		}
	}
	c.reply(remoting.QueryNotFound, "Not found, maybe this group consumer boot first")
}

// answerOffset answers 0 with an offset field.
func (c *call) answerOffset(offset int64) {
	f := c.frame.Reply(remoting.Success, "")
	f.Ext["offset"] = strconv.FormatInt(offset, 10)
	c.answer(f)
}

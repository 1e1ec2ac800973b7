package broker

import (
	"strings"

	"boxoffice/broker/remoting"
)

// UPDATE_CONSUMER_OFFSET (15): a group has consumed a queue up to an offset.
//
// Source: Apache RocketMQ 5.3.3, ConsumerManageProcessor.updateConsumerOffset.
//
// Ext: consumerGroup, topic, queueId, commitOffset.
//
// Answer: 0; 17 unknown topic. The Go client waits for none.
//
// Behaviour: the last value counts, even if it is lower (a reset). It is
// written to disk every few seconds and on Close.
func (b *Broker) updateConsumerOffset(c *call) {
	f := &fields{ext: c.frame.Ext}
	key := consumed{f.text("consumerGroup"), f.text("topic"), f.int32("queueId")}
	offset := f.int64("commitOffset")
	if f.err != nil {
		c.replyError(f.err)
		return
	}
	q := b.topics.queue(key.topic, key.queue)
	if q == nil {
		c.reply(remoting.TopicNotExist, "topic or queue not exist: "+key.topic)
		return
	}
	b.commitOffset(key.group, q, offset)
	c.reply(remoting.Success, "")
}

func (b *Broker) commitOffset(group string, q *queue, offset int64) {
	if offset >= 0 {
		b.offsets.commit(consumed{strings.Clone(group), q.topic, q.id}, offset)
	}
}

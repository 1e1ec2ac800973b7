package broker

import (
	"boxoffice/broker/internal/transport"
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
func (b *Broker) updateConsumerOffset(c *transport.Call) error {
	f := &fields{ext: c.Frame.Ext}
	group, topic, id := f.text("consumerGroup"), f.text("topic"), f.int32("queueId")
	offset := f.int64("commitOffset")
	if f.err != nil {
		return f.err
	}
	q := b.store.Topics.Queue(topic, id)
	if q == nil {
		return refuse(remoting.TopicNotExist, "topic or queue not exist: %s", topic)
	}
	b.store.Offsets.Commit(group, q, offset)
	c.Reply(remoting.Success, "")
	return nil
}

package broker

import "boxoffice/broker/remoting"

// VIEW_MESSAGE_BY_ID (33): one message, by the physical offset in its id.
//
// Source: Apache RocketMQ 5.3.3, QueryMessageProcessor.viewMessageById.
//
// Ext: offset.
//
// Answer: 0 with the encoded message as body; 1 when there is none.
func (b *Broker) viewMessageByID(c *call) {
	f := &fields{ext: c.frame.Ext}
	offset := f.int64("offset")
	if f.err != nil {
		c.replyError(f.err)
		return
	}
	raw, err := b.loadRaw(offset)
	if err != nil {
		c.replyError(err)
		return
	}
	answer := c.frame.Reply(remoting.Success, "")
	answer.Body = raw
	c.answer(answer)
}

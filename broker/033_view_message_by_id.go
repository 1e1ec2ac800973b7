package broker

import (
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// VIEW_MESSAGE_BY_ID (33): one message, by the physical offset in its id.
//
// Source: Apache RocketMQ 5.3.3, QueryMessageProcessor.viewMessageById.
//
// Ext: offset.
//
// Answer: 0 with the encoded message as body; 1 when there is none.
func (b *Broker) viewMessageByID(c *transport.Call) error {
	f := &fields{ext: c.Frame.Ext}
	offset := f.int64("offset")
	if f.err != nil {
		return f.err
	}
	raw, err := b.store.LoadRaw(offset)
	if err != nil {
		return err
	}
	answer := c.Frame.Reply(remoting.Success, "")
	answer.Body = raw
	c.Answer(answer)
	return nil
}

package broker

import "boxoffice/broker/remoting"

// UNREGISTER_CLIENT (35): a client leaves its groups before it disconnects.
// The Go client never sends it; closing the connection has the same effect.
//
// Source: Apache RocketMQ 5.3.3, ClientManageProcessor.unregisterClient.
//
// Ext: clientID, producerGroup (optional), consumerGroup (optional).
//
// Answer: 0.
func (b *Broker) unregisterClient(c *call) {
	f := &fields{ext: c.frame.Ext}
	client := f.text("clientID")
	if f.err != nil {
		c.replyError(f.err)
		return
	}
	if group := c.frame.Ext["producerGroup"]; group != "" {
		b.groups.leaveProducer(group, c.conn)
	}
	if group := c.frame.Ext["consumerGroup"]; group != "" {
		b.notify(b.groups.leaveConsumer(group, client))
	}
	c.reply(remoting.Success, "")
}

package broker

import (
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// UNREGISTER_CLIENT (35): a client leaves its groups before it disconnects.
// The Go client never sends it; closing the connection has the same effect.
//
// Source: Apache RocketMQ 5.3.3, ClientManageProcessor.unregisterClient.
//
// Ext: clientID, producerGroup (optional), consumerGroup (optional).
//
// Answer: 0.
func (b *Broker) unregisterClient(c *transport.Call) error {
	f := &fields{ext: c.Frame.Ext}
	client := f.text("clientID")
	if f.err != nil {
		return f.err
	}
	if group := c.Frame.Ext["producerGroup"]; group != "" {
		b.groups.leaveProducer(group, c.Conn)
	}
	if group := c.Frame.Ext["consumerGroup"]; group != "" {
		b.notify(b.groups.leaveConsumer(group, client))
	}
	c.Reply(remoting.Success, "")
	return nil
}

package broker

import (
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// GET_CONSUMER_LIST_BY_GROUP (38): who shares the queues of a group.
//
// Source: Apache RocketMQ 5.3.3, ConsumerManageProcessor.getConsumerListByGroup.
//
// Ext: consumerGroup.
//
// Answer: 0 with body {"consumerIdList": [...]}; 1 when nobody is online.
func (b *Broker) getConsumerListByGroup(c *transport.Call) error {
	f := &fields{ext: c.Frame.Ext}
	group := f.text("consumerGroup")
	if f.err != nil {
		return f.err
	}
	ids := b.groups.clients(group)
	if len(ids) == 0 {
		return refuse(remoting.SystemError, "no consumer for this group, %s", group)
	}
	return c.ReplyJSON(map[string][]string{"consumerIdList": ids})
}

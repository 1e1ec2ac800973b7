package broker

import (
	"encoding/json"
	"fmt"

	"boxoffice/broker/remoting"
)

// GET_CONSUMER_LIST_BY_GROUP (38): who shares the queues of a group.
//
// Source: Apache RocketMQ 5.3.3, ConsumerManageProcessor.getConsumerListByGroup.
//
// Ext: consumerGroup.
//
// Answer: 0 with body {"consumerIdList": [...]}; 1 when nobody is online.
func (b *Broker) getConsumerListByGroup(c *call) {
	f := &fields{ext: c.frame.Ext}
	group := f.text("consumerGroup")
	if f.err != nil {
		c.replyError(f.err)
		return
	}
	ids := b.groups.clients(group)
	if len(ids) == 0 {
		c.reply(remoting.SystemError, "no consumer for this group, "+group)
		return
	}
	c.answerJSON(map[string][]string{"consumerIdList": ids})
}

// answerJSON answers 0 with v as the body.
func (c *call) answerJSON(v any) {
	body, err := json.Marshal(v)
	if err != nil {
		c.reply(remoting.SystemError, fmt.Sprintf("encode answer: %v", err))
		return
	}
	f := c.frame.Reply(remoting.Success, "")
	f.Body = body
	c.answer(f)
}

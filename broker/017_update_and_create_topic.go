package broker

import (
	"strings"

	"boxoffice/broker/remoting"
)

// UPDATE_AND_CREATE_TOPIC (17): an admin tool creates or changes a topic.
//
// Source: Apache RocketMQ 5.3.3, AdminBrokerProcessor.updateAndCreateTopic.
//
// Ext: topic, defaultTopic, readQueueNums, writeQueueNums, perm,
// topicFilterType, topicSysFlag, order.
//
// Answer: 0 when the topic is on disk; 29 for an illegal name or number of
// queues, or a topic of the broker's own.
//
// Behaviour: the route is there at once, since the nameserver is the same
// process. Fewer queues than before hide queues and delete nothing.
func (b *Broker) createTopic(c *call) {
	f := &fields{ext: c.frame.Ext}
	cfg := topicConfig{
		Name: strings.Clone(f.text("topic")), ReadQueues: f.int32("readQueueNums"),
		WriteQueues: f.int32("writeQueueNums"), Perm: f.int32Or("perm", permRead|permWrite),
	}
	if f.err != nil {
		c.replyError(f.err)
		return
	}
	if reservedForBroker(cfg.Name) || cfg.Name == topicTemplate {
		c.reply(remoting.InvalidParameter, "the topic "+cfg.Name+" is conflict with system topic")
		return
	}
	if err := cfg.validate(); err != nil {
		c.reply(remoting.InvalidParameter, err.Error())
		return
	}
	if _, err := b.topics.put(cfg); err != nil {
		c.reply(remoting.SystemError, err.Error())
		return
	}
	c.reply(remoting.Success, "")
}

package broker

import (
	"strings"

	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
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
func (b *Broker) createTopic(c *transport.Call) {
	f := &fields{ext: c.Frame.Ext}
	cfg := store.TopicConfig{
		Name: strings.Clone(f.text("topic")), ReadQueues: f.int32("readQueueNums"),
		WriteQueues: f.int32("writeQueueNums"), Perm: f.int32Or("perm", store.PermRead|store.PermWrite),
	}
	if f.err != nil {
		replyError(c, f.err)
		return
	}
	if store.ReservedForBroker(cfg.Name) || cfg.Name == store.TemplateTopic {
		c.Reply(remoting.InvalidParameter, "the topic "+cfg.Name+" is conflict with system topic")
		return
	}
	if err := cfg.Validate(); err != nil {
		c.Reply(remoting.InvalidParameter, err.Error())
		return
	}
	if _, err := b.store.Topics.Put(cfg); err != nil {
		c.Reply(remoting.SystemError, err.Error())
		return
	}
	c.Reply(remoting.Success, "")
}

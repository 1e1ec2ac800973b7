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
func (b *Broker) createTopic(c *transport.Call) error {
	f := &fields{ext: c.Frame.Ext}
	cfg := store.TopicConfig{
		Name: strings.Clone(f.text("topic")), ReadQueues: f.int32("readQueueNums"),
		WriteQueues: f.int32("writeQueueNums"), Perm: f.int32Or("perm", store.PermRead|store.PermWrite),
	}
	if f.err != nil {
		return f.err
	}
	if store.ReservedForBroker(cfg.Name) || cfg.Name == store.TemplateTopic {
		return refuse(remoting.InvalidParameter, "the topic %s is conflict with system topic", cfg.Name)
	}
	if err := cfg.Validate(); err != nil {
		return refuse(remoting.InvalidParameter, "%v", err)
	}
	if _, err := b.store.Topics.Put(cfg); err != nil {
		return refuse(remoting.SystemError, "%v", err)
	}
	c.Reply(remoting.Success, "")
	return nil
}

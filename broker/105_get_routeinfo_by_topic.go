package broker

import (
	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// GET_ROUTEINFO_BY_TOPIC (105), the nameserver's request: where a topic lives.
//
// Source: Apache RocketMQ 5.3.3, ClientRequestProcessor.getRouteInfoByTopic.
//
// Ext: topic.
//
// Answer: 0 with body {queueDatas, brokerDatas, filterServerTable}; 17 for an unknown topic.
//
// Behaviour: nameserver and broker are one process and one port, so every
// route is current. TBW102, by which clients create topics, is known only with
// auto-create. A broker that listens on all interfaces names the address the
// client has reached it by.
func (b *Broker) getRouteInfoByTopic(c *transport.Call) error {
	f := &fields{ext: c.Frame.Ext}
	name := f.text("topic")
	if f.err != nil {
		return f.err
	}
	t := b.store.Topics.Find(name)
	if t == nil || name == store.TemplateTopic && !b.opt.autoCreate {
		return refuse(remoting.TopicNotExist, "No topic route info in name server for the topic: %s", name)
	}
	return c.ReplyJSON(routeBody{
		Queues: []routeQueues{{
			Broker: brokerName, Read: t.ReadQueues, Write: t.WriteQueues, Perm: t.Perm,
		}},
		Brokers: []routeBroker{b.routeFor(c)},
		Filters: map[string][]string{},
	})
}

type routeBody struct {
	Queues  []routeQueues       `json:"queueDatas"`
	Brokers []routeBroker       `json:"brokerDatas"`
	Filters map[string][]string `json:"filterServerTable"`
}

type routeQueues struct {
	Broker string `json:"brokerName"`
	Read   int32  `json:"readQueueNums"`
	Write  int32  `json:"writeQueueNums"`
	Perm   int32  `json:"perm"`
	Flag   int32  `json:"topicSysFlag"`
}

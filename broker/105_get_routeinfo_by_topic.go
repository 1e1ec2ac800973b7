package broker

import "boxoffice/broker/remoting"

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
func (b *Broker) getRouteInfoByTopic(c *call) {
	f := &fields{ext: c.frame.Ext}
	name := f.text("topic")
	if f.err != nil {
		c.replyError(f.err)
		return
	}
	t := b.topics.find(name)
	if t == nil || name == topicTemplate && !b.opt.autoCreate {
		c.reply(remoting.TopicNotExist, "No topic route info in name server for the topic: "+name)
		return
	}
	c.answerJSON(routeBody{
		Queues: []routeQueues{{
			Broker: brokerName, Read: t.ReadQueues, Write: t.WriteQueues, Perm: t.Perm,
		}},
		Brokers: []routeBroker{b.routeFor(c)},
		Filters: map[string][]string{},
	})
}

// routeFor says where this broker is, as the caller can reach it.
func (b *Broker) routeFor(c *call) routeBroker {
	addr := b.host.String()
	if b.anyAddress && c.conn.local.IsValid() {
		addr = c.conn.local.String()
	}
	return routeBroker{Cluster: clusterName, Broker: brokerName, Addrs: map[string]string{"0": addr}}
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

type routeBroker struct {
	Cluster string            `json:"cluster"`
	Broker  string            `json:"brokerName"`
	Addrs   map[string]string `json:"brokerAddrs"`
	Acting  bool              `json:"enableActingMaster"`
}

package broker

import "boxoffice/broker/internal/transport"

// GET_ALL_TOPIC_LIST_FROM_NAMESERVER (206): the names of all topics, for admin
// tools.
//
// Source: Apache RocketMQ 5.3.3, DefaultRequestProcessor.getAllTopicListFromNameserver.
//
// Answer: 0 with body {"topicList": [...]}.
func (b *Broker) getAllTopicList(c *transport.Call) error {
	known := b.store.Topics.All()
	names := make([]string, 0, len(known))
	for _, t := range known {
		names = append(names, t.Name)
	}
	return c.ReplyJSON(map[string][]string{"topicList": names})
}

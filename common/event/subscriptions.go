package event

import "boxoffice/common/mq"

// Subscriptions lists every consumer group and the topic that it consumes. All members of a group consume the same topic.
func Subscriptions() []mq.Subscription {
	return []mq.Subscription{
		{Group: GroupCreate, Topic: string(StockReserved)},
		{Group: GroupTimeout, Topic: string(PaymentDue)},
		{Group: GroupSettle, Topic: string(OrderSettled)},
		{Group: GroupRevive, Topic: string(TicketsWanted)},
	}
}

// Topics lists every topic, to be created with this many queues.
func Topics(queues int) []mq.TopicSpec {
	var topics []mq.TopicSpec
	for _, s := range Subscriptions() {
		topics = append(topics, mq.TopicSpec{Name: s.Topic, Queues: queues})
	}
	return topics
}

// ConsumerGroups lists every consumer group.
func ConsumerGroups() []string {
	var groups []string
	for _, s := range Subscriptions() {
		groups = append(groups, s.Group)
	}
	return groups
}

package event

import "boxoffice/common/mq"

// Subscriptions lists the consumer groups of an office and the topic that each consumes. All members of a group consume
// the same topic. further are those that not every office has.
func Subscriptions(further ...mq.Subscription) []mq.Subscription {
	return append([]mq.Subscription{
		{Group: GroupCreate, Topic: string(StockReserved)},
		{Group: GroupTimeout, Topic: string(PaymentDue)},
		{Group: GroupSettle, Topic: string(OrderSettled)},
		{Group: GroupRevive, Topic: string(TicketsWanted)},
	}, further...)
}

// TicketsSubscription is that of an office that makes tickets of paid orders.
func TicketsSubscription() mq.Subscription {
	return mq.Subscription{Group: GroupTickets, Topic: string(OrderSettled)}
}

// NotifySubscriptions are those of an office that tells its buyers by mail or SMS.
func NotifySubscriptions() []mq.Subscription {
	return []mq.Subscription{
		{Group: GroupNotifyReserved, Topic: string(StockReserved)},
		{Group: GroupNotifySettled, Topic: string(OrderSettled)},
		{Group: GroupNotifyRefunded, Topic: string(RefundSent)},
	}
}

// Topics lists every topic, to be created with this many queues: one that only further subscribers consume is there for who
// comes later, too.
func Topics(queues int) []mq.TopicSpec {
	topics := []mq.TopicSpec{{Name: string(RefundSent), Queues: queues}}
	for _, s := range Subscriptions() {
		topics = append(topics, mq.TopicSpec{Name: s.Topic, Queues: queues})
	}
	return topics
}

// ConsumerGroups lists every consumer group, also those of the further subscriptions.
func ConsumerGroups(further ...mq.Subscription) []string {
	var groups []string
	for _, s := range Subscriptions(further...) {
		groups = append(groups, s.Group)
	}
	return groups
}

package event

import "boxoffice/common/mq"

// Subscriptions is who consumes what. All members of a group have the same topic.
func Subscriptions() []mq.Subscription {
	return []mq.Subscription{
		{Group: GroupCreate, Topic: string(StockReserved)},
		{Group: GroupTimeout, Topic: string(PaymentDue)},
		{Group: GroupSettle, Topic: string(OrderSettled)},
	}
}

package app

import (
	"boxoffice/app/settings"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// furtherSubscriptions lists the subscriptions that this office has and another one may not have.
func furtherSubscriptions(config settings.Config) []mq.Subscription {
	var further []mq.Subscription
	if config.HasTickets() {
		further = append(further, event.TicketsSubscription())
	}
	if config.HasNotify() {
		further = append(further, event.NotifySubscriptions()...)
	}
	return further
}

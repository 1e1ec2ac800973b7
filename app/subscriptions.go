package app

import (
	"boxoffice/app/settings"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// furtherSubscriptions lists the subscriptions that this office has and another one may not have.
func furtherSubscriptions(config settings.Config) []mq.Subscription {
	if !config.HasTickets() {
		return nil
	}
	return []mq.Subscription{event.TicketsSubscription()}
}

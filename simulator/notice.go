package simulator

import "boxoffice/payment/webhook"

// notice is an event that an office is to be told of.
type notice struct {
	id      string // of the event: every sending of it has the same
	name    string // by which the dice know it
	attempt string // which it belongs to: Reorder is among the events of one attempt
	url     string // where it is sent
	certain bool   // no question finds it, so it may not be lost
	event   webhook.Event
}

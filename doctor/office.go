package doctor

import (
	"time"

	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/stock"
	"boxoffice/tickets"
)

const (
	// inFlight is how long a message may be on its way: only what is older is a disagreement.
	inFlight = time.Minute

	pageSize = 500 // rows of one statement
)

// Office is what is examined.
type Office struct {
	Stock  *stock.Stock
	Orders *order.Orders

	Payments *payment.Service
	Tickets  *tickets.Tickets // nil: the office has none

	Further []mq.Subscription // that this office has besides those that every office has

	Bus    *mq.Bus    // nil: the queue is not examined
	BusErr error      // why there is no Bus, for an office that has a queue
	Sender *mq.Sender // only for Fix
	Now    func() time.Time
}

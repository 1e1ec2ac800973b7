package doctor

import (
	"context"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/mq"
	"boxoffice/notify"
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

// Mails is what is called of mail and SMS.
type Mails interface {
	Find(ctx context.Context, f notify.Filter) (found []notify.Notification, next string, err error)
	RetryAll(ctx context.Context, ids []string, act audit.Act) (due []string, err error)
}

// Office is what is examined.
type Office struct {
	Stock  *stock.Stock
	Orders *order.Orders

	Payments *payment.Service
	Tickets  *tickets.Tickets // nil: the office has none
	Mails    Mails            // nil: the office tells nobody

	Further []mq.Subscription // that this office has besides those that every office has

	Bus    *mq.Bus    // nil: the queue is not examined
	BusErr error      // why there is no Bus, for an office that has a queue
	Sender *mq.Sender // only for Fix
	Now    func() time.Time
}

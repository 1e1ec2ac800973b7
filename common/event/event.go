// Package event holds what the services say to each other: topics, consumer and producer groups, and payloads. The wire
// form is JSON in snake_case and is pinned by the files in testdata.
package event

import (
	"slices"

	"boxoffice/common/mq"
)

// The topics, named after the fact that they carry.
const (
	// StockReserved says that stock holds these orders' tickets. It travels as a transactional message, and as a
	// plain one when the sweeper asks again for a reservation that has not been settled in time.
	StockReserved mq.Topic[Reserved] = "stock-reserved"
	// PaymentDue wakes the order service, by delay level, when orders should have been paid.
	PaymentDue mq.Topic[Due] = "payment-due"
	// OrderSettled says that orders are final: their reservations become sold, or available again.
	OrderSettled mq.Topic[Settled] = "order-settled"
	// TicketsWanted asks stock to take the tickets of orders again that were cancelled as unpaid, because money has come
	// for them. Stock answers by stock-reserved, with Revived or Refused.
	TicketsWanted mq.Topic[Wanted] = "tickets-wanted"
	// RefundSent says that the money of refunds has been sent back, by a provider or by hand.
	RefundSent mq.Topic[RefundsSent] = "refund-sent"
)

// The groups. A producer group of transactions must be able to answer check-backs in every process that joins it.
const (
	GroupPurchase = "boxoffice-purchase"
	GroupStock    = "boxoffice-stock"
	GroupOrder    = "boxoffice-order"

	GroupCreate  = "boxoffice-order-create"
	GroupTimeout = "boxoffice-order-timeout"
	GroupSettle  = "boxoffice-stock-settle"
	GroupRevive  = "boxoffice-stock-revive"
	GroupTickets = "boxoffice-tickets"

	GroupNotifyReserved = "boxoffice-notify-reserved"
	GroupNotifySettled  = "boxoffice-notify-settled"
	GroupNotifyRefunded = "boxoffice-notify-refunded"
)

// Money is an amount in minor units (fen, cents) of an ISO 4217 currency.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// LatePayment says what becomes of money that comes for an order once it is cancelled as unpaid.
type LatePayment string

// An order is sold under LateRefund or LateRevive, as its screening says then. LateRevived is also a fencing token: who
// knows it of an order passes over what was said before.
const (
	LateRefund  LatePayment = ""        // it goes back
	LateRevive  LatePayment = "revive"  // it pays the order, if its tickets can be had again
	LateRevived LatePayment = "revived" // its tickets were taken again, which happens once; further money goes back
)

// Order is a reservation as the order service needs it. Times are Unix milliseconds UTC.
type Order struct {
	ID          string      `json:"id"`
	ScreeningID string      `json:"screening_id"`
	BuyerID     string      `json:"buyer_id"`
	Quantity    int64       `json:"quantity"`
	Amount      Money       `json:"amount"`
	CreatedAt   int64       `json:"created_at"`
	ExpiresAt   int64       `json:"expires_at"`
	LatePayment LatePayment `json:"late_payment,omitempty"`
}

// IsDue tells whether the time to pay the order is over, at a time in Unix milliseconds: from its deadline on.
func (o Order) IsDue(now int64) bool { return o.ExpiresAt <= now }

// HaveLatePayment tells whether one of the orders has another LatePayment than LateRefund, for which rows need a column
// more.
func HaveLatePayment(orders []Order) bool {
	return slices.ContainsFunc(orders, func(o Order) bool { return o.LatePayment != LateRefund })
}

// Reserved lists reservations by where they stand, so that their orders follow. A purchase's message lists in Orders
// exactly what one local transaction reserved, 1 to N. Released and Sold are only in what stock publishes again, when the
// order service has lost an order, or paid one without tickets; Revived and Refused answer TicketsWanted.
type Reserved struct {
	Orders   []Order  `json:"orders"`             // their tickets are held
	Released []Order  `json:"released,omitempty"` // their tickets went back, and may be somebody else's
	Sold     []Order  `json:"sold,omitempty"`     // their tickets are paid for
	Revived  []Order  `json:"revived,omitempty"`  // their tickets are held again, for money that came late
	Refused  []string `json:"refused,omitempty"`  // ids of orders whose tickets were wanted, and are not to be had
}

// Wanted lists cancelled orders for which money waits.
type Wanted struct {
	OrderIDs []string `json:"order_ids"`
}

// Due lists orders to look at once DueAt (Unix milliseconds UTC) has passed.
type Due struct {
	DueAt    int64    `json:"due_at"`
	OrderIDs []string `json:"order_ids"`

	// Looks says of each order how often payment-due had been sent on for it: of two messages about an order, the one of fewer
	// looks has been overtaken and is not sent on. It may be left out while all are 0, as they are of new orders.
	Looks []int `json:"looks,omitempty"`
}

// LooksAt returns the looks at the order at an index of OrderIDs.
func (d Due) LooksAt(i int) int {
	if i < len(d.Looks) {
		return d.Looks[i]
	}
	return 0
}

// Of returns what the message says of those of its orders that are taken.
func (d Due) Of(isTaken func(orderID string) bool) Due {
	of := Due{DueAt: d.DueAt}
	for i, id := range d.OrderIDs {
		if isTaken(id) {
			of.OrderIDs, of.Looks = append(of.OrderIDs, id), append(of.Looks, d.LooksAt(i))
		}
	}
	return of
}

// Outcome is the final state of an order.
type Outcome string

// The outcomes. A paid order becomes cancelled only when stock says that its tickets were released, and returned when the
// office cancels it. Tickets that were taken again pass over Cancelled, which was said before.
const (
	Paid      Outcome = "paid"
	Cancelled Outcome = "cancelled" // tickets that are held become available again; sold ones stay sold
	Declined  Outcome = "declined"  // tickets that were taken again too: the money has gone back meanwhile
	Returned  Outcome = "returned"  // sold tickets become available again too
)

// Settled lists orders that have become final.
type Settled struct {
	Orders []SettledOrder `json:"orders"`
}

// SettledOrder is one final order.
type SettledOrder struct {
	OrderID string  `json:"order_id"`
	Outcome Outcome `json:"outcome"`
}

// RefundsSent lists refunds whose money has been sent back.
type RefundsSent struct {
	Refunds []SentRefund `json:"refunds"`
}

// SentRefund is one refund whose money has been sent back: all that was paid for an order, or a part. SentAt is in Unix
// milliseconds UTC.
type SentRefund struct {
	ID      string `json:"id"`
	OrderID string `json:"order_id"`
	Amount  Money  `json:"amount"`
	SentAt  int64  `json:"sent_at"`
}

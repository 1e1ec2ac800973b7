// Package doctor compares what the services and the message queue know of each other, names every disagreement, and
// re-drives what a loss has left behind. It changes nothing until it is asked to, and it can be run beside a running office.
package doctor

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/stock"
)

const (
	// inFlight is the time that a message may take: only what is older is a disagreement.
	inFlight = time.Minute

	pageSize    = 500
	troublesMax = 1000 // kept, of each kind; all are counted
	lettersMax  = 1000 // of each group
	notesMax    = 1000 // of each kind
)

// Office is what is examined.
type Office struct {
	Stock  *stock.Stock
	Orders *order.Orders
	Bus    *mq.Bus    // nil: the queue is not examined
	Away   error      // why a queue that should be there is not
	Sender *mq.Sender // only for Treat
	Now    func() time.Time
}

// Kind is what is wrong.
type Kind string

// The troubles.
const (
	UnbalancedStock    Kind = "unbalanced_stock"          // a screening's counters are not the sum of its reservations
	MissingOrder       Kind = "reservation_without_order" // its stock-reserved was lost, or waits
	MissingReservation Kind = "order_without_reservation"
	UnsettledOrder     Kind = "order_not_settled" // the order is final, its tickets are still reserved
	StaleReservation   Kind = "stale_reservation" // held long after its deadline, and its order still pending
	Contradiction      Kind = "contradiction"     // reservation and order say what cannot both be
	ParkedPayment      Kind = "parked_payment"
	DeadLetter         Kind = "dead_letter"
	ExhaustedHalf      Kind = "exhausted_half"
	QueueAway          Kind = "queue_away"
	UnfinishedArchive  Kind = "unfinished_archive"
)

// Trouble is one thing that needs attention.
type Trouble struct {
	Kind   Kind   `json:"kind"`
	ID     string `json:"id"` // of the order, screening, payment or message
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"` // what Treat does; empty when a person has to decide

	orders []string // whose reservations Treat publishes again
}

// Note is money that somebody has to send back by hand, which is part of the business and no fault.
type Note struct {
	Kind      string    `json:"kind"` // refund_due, mismatched_payment or reused_payment_id
	PaymentID string    `json:"payment_id"`
	OrderID   string    `json:"order_id"`
	Amount    int64     `json:"amount"` // minor units
	Currency  string    `json:"currency"`
	Since     time.Time `json:"since"`
}

// Screening is one screening's tickets as stock counts them, as its reservations add up, and as its orders do.
type Screening struct {
	ID            string `json:"id"`
	Capacity      int64  `json:"capacity"`
	Available     int64  `json:"available"`
	Reserved      int64  `json:"reserved"`
	Sold          int64  `json:"sold"`
	HeldSum       int64  `json:"tickets_of_held_reservations"`
	SoldSum       int64  `json:"tickets_of_sold_reservations"`
	PendingOrders int64  `json:"tickets_of_pending_orders"`
	PaidOrders    int64  `json:"tickets_of_paid_orders"`
	Cancelled     int64  `json:"tickets_of_cancelled_orders"`
}

// Queue is how deep the queues are.
type Queue struct {
	Lags            []Lag            `json:"lags"`
	DeadLetters     map[string]int64 `json:"dead_letters"`
	HalvesInDoubt   int64            `json:"half_messages_in_doubt"`
	HalvesExhausted int64            `json:"half_messages_exhausted"` // of the cluster
}

// Lag is what one group has not confirmed of one topic.
type Lag struct {
	Group    string `json:"group"`
	Topic    string `json:"topic"`
	Messages int64  `json:"messages"`
}

// Report is what was found.
type Report struct {
	At         time.Time    `json:"at"`
	Screenings []Screening  `json:"screenings"`
	Queue      *Queue       `json:"queue,omitempty"` // nil when it was not examined
	Skipped    string       `json:"skipped,omitempty"`
	Counts     map[Kind]int `json:"counts"`
	Troubles   []Trouble    `json:"troubles"`
	Notes      []Note       `json:"notes"`
	Treated    []string     `json:"treated,omitempty"` // what Treat did

	letters []letters
	again   []string // ids of the orders whose reservations Treat publishes again, also of troubles that are not listed
	open    int      // troubles without a remedy
}

// Healthy tells whether nothing needs attention.
func (r *Report) Healthy() bool { return len(r.Counts) == 0 }

// Total is the number of troubles, also of those that are not listed.
func (r *Report) Total() int {
	total := 0
	for _, n := range r.Counts {
		total += n
	}
	return total
}

func (r *Report) add(t Trouble) {
	r.again = append(r.again, t.orders...)
	if t.Remedy == "" {
		r.open++
	}
	if r.Counts[t.Kind]++; r.Counts[t.Kind] <= troublesMax {
		r.Troubles = append(r.Troubles, t)
	}
}

// Examine reads everything once and changes nothing. It fails when a database does not answer; a queue that does not is
// a trouble of its own.
func Examine(ctx context.Context, o Office) (*Report, error) {
	r := &Report{At: o.Now().UTC(), Counts: map[Kind]int{}, Troubles: []Trouble{}, Notes: []Note{}, Screenings: []Screening{}}
	for _, examine := range []func(context.Context, Office, *Report) error{
		examineScreenings, examineReservations, examineOrders, examinePayments, examineArchives, examineQueue,
	} {
		if err := examine(ctx, o, r); err != nil {
			return nil, fmt.Errorf("examine: %w", err)
		}
	}
	return r, nil
}

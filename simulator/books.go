package simulator

import (
	"sync"

	"boxoffice/payment/webhook"
)

// Books is what has really happened to the money, for who compares it with the books of the office.
type Books struct {
	Totals
	Attempts map[string]AttemptBook `json:"attempts"` // by their ids
	Refunds  map[string]RefundBook  `json:"refunds"`  // by their keys
}

// Totals is the summary of the books.
type Totals struct {
	Taken    map[string]int64 `json:"taken"`     // by currency, in minor units
	SentBack map[string]int64 `json:"sent_back"` // by currency, in minor units
	Counts   Counts           `json:"counts"`
	Waiting  int              `json:"waiting"` // payments, refunds and deliveries that are still to come
}

// AttemptBook is how an attempt stands.
type AttemptBook struct {
	OrderID  string                `json:"order_id"`
	State    string                `json:"state"`
	Payments []webhook.PaymentBody `json:"payments,omitempty"`
}

// RefundBook is how a refund stands.
type RefundBook struct {
	PaymentID string `json:"payment_id"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	State     string `json:"state"`
	Calls     int    `json:"calls"` // for this key
	Moved     int    `json:"moved"` // how often money went back for it: more than 1 is a double effect
}

// Counts is what was sent and what went wrong.
type Counts struct {
	Events         int64 `json:"events"`   // that the office should learn of
	Posts          int64 `json:"posts"`    // of true callbacks
	Accepted       int64 `json:"accepted"` // of those: answered with 2xx
	Retries        int64 `json:"retries"`
	GivenUp        int64 `json:"given_up"` // events that nobody took
	Lost           int64 `json:"lost"`
	Duplicates     int64 `json:"duplicates"`
	Delayed        int64 `json:"delayed"`
	Reordered      int64 `json:"reordered"`
	Early          int64 `json:"early"`
	ForgedSent     int64 `json:"forged_sent"`
	ForgedAccepted int64 `json:"forged_accepted"` // anything but 0 is a hole in the office
	SlowAnswers    int64 `json:"slow_answers"`
	Away           int64 `json:"away"`
	Unanswered     int64 `json:"unanswered"` // refunds
	Suspended      int64 `json:"suspended"`  // refunds that were refused for a while after they were carried out
	TooMuch        int64 `json:"too_much"`   // refunds under new keys of more than what was left: anything but 0 is a hole in the office
}

// tally counts.
type tally struct {
	mu     sync.Mutex
	counts Counts
}

func (t *tally) add(count func(*Counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	count(&t.counts)
}

func (t *tally) get() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts
}

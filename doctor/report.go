package doctor

import (
	"time"

	"boxoffice/common/mq"
	"boxoffice/common/sentence"
)

// maxTroubles is how many troubles of each kind a report lists; it counts all.
const maxTroubles = 1000

// Kind says what is wrong.
type Kind string

// The kinds of troubles.
const (
	UnbalancedStock    Kind = "unbalanced_stock"          // a screening's counters are not the sum of its reservations
	MissingOrder       Kind = "reservation_without_order" // its stock-reserved message was lost, or waits
	MissingReservation Kind = "order_without_reservation"
	UnsettledOrder     Kind = "order_not_settled"   // the order is final, its tickets are still reserved
	StaleReservation   Kind = "stale_reservation"   // held long after its deadline, and its order still pending
	Contradiction      Kind = "contradiction"       // reservation and order say what cannot both be true
	UnbalancedLedger   Kind = "unbalanced_ledger"   // not all money of a currency is accounted for
	UnattendedPayments Kind = "payments_unattended" // a payment provider has open work, and nobody does it
	UnansweredPayments Kind = "payments_unanswered" // a payment provider does not say how payments stand
	LedgerAndStock     Kind = "ledger_and_stock"    // the paid orders cost something else than the tickets that stock has sold
	ParkedPayment      Kind = "parked_payment"      // a payment has waited too long for its order
	LatePayment        Kind = "late_payment"        // money has waited too long for the tickets of its cancelled order
	MissingTickets     Kind = "order_without_tickets"
	UnpaidTickets      Kind = "tickets_of_unpaid_order"
	DeadLetter         Kind = "dead_letter"        // a message that a handler has refused for good
	ExhaustedHalf      Kind = "exhausted_half"     // a half message that was given up after its last check-back
	QueueAway          Kind = "queue_away"         // the message queue does not answer
	DeadMail           Kind = "dead_mail"          // a mail or SMS that was given up
	MailAway           Kind = "mail_away"          // the database of mail and SMS does not answer
	UnfinishedArchive  Kind = "unfinished_archive" // a screening's archiving or restoring is at a standstill
)

// Trouble is one thing that needs attention.
type Trouble struct {
	Kind   Kind   `json:"kind"`
	ID     string `json:"id"` // of the order, screening, payment or message
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"` // what Fix does; empty when a person has to decide

	Said       []sentence.Sentence `json:"-"` // Detail is these in English
	RemedySaid sentence.Sentence   `json:"-"` // Remedy is this in English

	does remedy // what Fix does
}

// tells says what is wrong.
func (t Trouble) tells(said ...sentence.Sentence) Trouble {
	t.Said = append(t.Said, said...)
	t.Detail = sentence.Join(t.Said)
	return t
}

// mends says what Fix does about it.
func (t Trouble) mends(how sentence.Sentence, does remedy) Trouble {
	t.RemedySaid, t.Remedy, t.does = how, how.String(), does
	return t
}

// publishesAgain is mended by publishing an order's reservation, when the order does not say what it should.
func (t Trouble) publishesAgain(orderID string) Trouble {
	return t.mends(sentence.New("publish_again", "publish its reservation again"), remedy{republish: []string{orderID}})
}

// remedy is what is to be done about troubles.
type remedy struct {
	republish []string       // ids of the orders whose reservations are published again
	wanted    []string       // ids of the orders for whose tickets stock is asked again
	dead      []deadMessages // that are dealt with
	mails     []string       // ids of the mails and SMS that are sent again
}

func (m *remedy) add(other remedy) {
	m.republish = append(m.republish, other.republish...)
	m.wanted = append(m.wanted, other.wanted...)
	m.dead = append(m.dead, other.dead...)
	m.mails = append(m.mails, other.mails...)
}

func (m remedy) isNone() bool { return len(m.republish)+len(m.wanted)+len(m.dead)+len(m.mails) == 0 }

// Note is a payment whose money has to go back and is not sent yet, which is part of the business and no trouble.
type Note struct {
	Kind      string    `json:"kind"` // refund_due or reused_payment_id
	PaymentID string    `json:"payment_id"`
	OrderID   string    `json:"order_id"`
	Amount    int64     `json:"amount"` // minor units
	Currency  string    `json:"currency"`
	Since     time.Time `json:"since"`
}

// Screening is one screening's tickets as its stock row counts them, as its reservations add up, and as its orders do.
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

// Queue is how many messages wait in the queues.
type Queue struct {
	Lags            []Lag            `json:"lags"`
	DeadLetters     map[string]int64 `json:"dead_letters"`
	HalvesInDoubt   int64            `json:"half_messages_in_doubt"`
	HalvesExhausted int64            `json:"half_messages_exhausted"` // of the cluster
}

// Lag is how many messages of one topic a consumer group has not confirmed.
type Lag struct {
	Group    string `json:"group"`
	Topic    string `json:"topic"`
	Messages int64  `json:"messages"`
}

// deadMessages are the dead messages of one consumer group, or the exhausted half messages, as far as they were read.
type deadMessages struct {
	kind  Kind   // DeadLetter or ExhaustedHalf
	group string // of dead letters
	count int64  // of all that there are
	mq.DeadMessages
}

// Skip is a part of the office that was not examined. Nothing is said of it, and of an office with one not that all is well.
type Skip struct {
	Part string `json:"part"`
	Why  string `json:"why"`
}

// Report is what Examine has found, and what Fix has done about it.
type Report struct {
	At         time.Time    `json:"at"`
	Screenings []Screening  `json:"screenings"`
	Queue      *Queue       `json:"queue,omitempty"` // nil when it was not examined
	Skipped    []Skip       `json:"skipped,omitempty"`
	Counts     map[Kind]int `json:"counts"`
	Troubles   []Trouble    `json:"troubles"`
	Notes      []Note       `json:"notes"`
	Fixed      []string     `json:"treated,omitempty"`    // what Fix did
	Unfinished bool         `json:"unfinished,omitempty"` // the time was over before everything was read

	dead          []deadMessages
	remedies      map[Kind]remedy // what Fix does, but for dead messages, also about troubles that are not listed
	withoutRemedy int             // number of troubles that Fix can do nothing about
}

// newReport returns a report that has found nothing.
func newReport(at time.Time) *Report {
	return &Report{
		At: at.UTC(), Counts: map[Kind]int{}, Troubles: []Trouble{}, Notes: []Note{}, Screenings: []Screening{},
		remedies: map[Kind]remedy{},
	}
}

// Healthy tells whether there is no trouble.
func (r *Report) Healthy() bool { return len(r.Counts) == 0 }

// Total is the number of troubles, those that are not listed included.
func (r *Report) Total() int {
	total := 0
	for _, n := range r.Counts {
		total += n
	}
	return total
}

// add counts a trouble, and lists it while there is room for its kind.
func (r *Report) add(t Trouble) {
	all := r.remedies[t.Kind]
	all.add(t.does)
	r.remedies[t.Kind] = all
	if t.Remedy == "" {
		r.withoutRemedy++
	}
	if r.Counts[t.Kind]++; r.Counts[t.Kind] <= maxTroubles {
		r.Troubles = append(r.Troubles, t)
	}
}

// round makes a duration as precise as a report shows it.
func round(d time.Duration) time.Duration { return d.Round(time.Second) }

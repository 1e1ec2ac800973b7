package inquiry

import (
	"time"

	"boxoffice/common/mq"
	"boxoffice/common/sentence"
)

// Source is where an entry of a timeline comes from.
type Source string

// The sources: the tables, or the file of the archive that has taken their place, and the message itself.
const (
	FromReservation Source = "reservation"
	FromOrder       Source = "order"
	FromAttempt     Source = "payment_attempt"
	FromPayment     Source = "payment"
	FromRefund      Source = "refund"
	FromAct         Source = "operator_act"
	FromMessage     Source = "message"
	FromMail        Source = "notification"
	FromTickets     Source = "tickets"
)

// What an entry of a timeline tells.
const (
	TicketsReserved  = "tickets_reserved" // by a purchase, in the local transaction of a half message that was stored
	HalfMessageSent  = "half_message_sent"
	MessageCommitted = "message_committed"           // by the process that sold, or after a check-back
	PublishedAgain   = "reservation_published_again" // in place of a half message that was given up
	OrderRecorded    = "order_recorded"              // by stock-reserved
	PaymentStarted   = "payment_started"
	PaymentOpen      = "payment_open" // its provider knows it
	PaymentClosed    = "payment_closed"
	PaymentPaid      = "payment_paid" // as its provider says
	MoneyReceived    = "money_received"
	IDReused         = "payment_id_reused"
	OrderPaid        = "order_paid"
	OrderCancelled   = "order_cancelled"
	TicketsSold      = "tickets_sold"
	TicketsReleased  = "tickets_released"
	OutcomePublished = "outcome_published" // stock, tickets and mail are told what has become of it
	TicketsIssued    = "tickets_issued"    // each with its code
	TicketUsed       = "ticket_used"       // somebody came in by it
	TicketsVoid      = "tickets_void"
	RefundDue        = "refund_due"
	RefundChanged    = "refund_changed"
	OperatorAct      = "operator_act"
	NotificationMade = "notification_made" // there is something to tell its buyer
	NotificationSent = "notification_sent"
	NotificationDead = "notification_dead" // made, and given up by now
	NotificationDue  = "notification_due"  // the next try
	PaymentDue       = "payment_due"       // the deadline
	Sweep            = "sweep"             // the sweeper publishes the reservation again
)

// Entry is one thing that happened to an order, or that will.
type Entry struct {
	At      time.Time
	What    string
	Detail  string // Said in English
	Said    []sentence.Sentence
	Source  Source
	Process string // that did it, where that is known
	Planned bool   // it is still to come, unless something happens before
}

// messages is what the queue has of an order.
type messages struct {
	purchase *mq.Stored // nil when it is not found
	outcomes []*mq.Stored
}

// timeline collects the entries of one order.
type timeline struct {
	now     time.Time
	entries []Entry
}

// add adds an entry, unless its time is not known.
func (t *timeline) add(at time.Time, what string, source Source, said ...sentence.Sentence) {
	t.addBy("", at, what, source, said...)
}

// addBy adds an entry of what a process did, unless its time is not known.
func (t *timeline) addBy(process string, at time.Time, what string, source Source, said ...sentence.Sentence) {
	if !at.IsZero() {
		t.entries = append(t.entries, Entry{
			At: at.UTC(), What: what, Detail: sentence.Join(said), Said: said, Source: source, Process: process, Planned: at.After(t.now),
		})
	}
}

package inquiry

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/notify"
	"boxoffice/order"
	"boxoffice/stock"
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
	Detail  string
	Source  Source
	Process string // that did it, where that is known
	Planned bool   // it is still to come, unless something happens before
}

// timeline is what happened to an order as far as it is stored, the first first; message is that of its purchase, or nil.
// What is not stored: repeated callbacks and messages, and how often a message was delivered.
func (d Dossier) timeline(message *mq.Stored, now time.Time) []Entry {
	t := &timeline{now: now}
	t.reservation(d.Reservation)
	t.message(message, d.OrderID)
	t.order(d.Order)
	t.attempts(d)
	t.payments(d)
	t.refunds(d)
	for _, act := range d.Acts {
		t.add(act.At, OperatorAct, FromAct, "%s did %s to %s: %s", act.Actor, act.What, act.Subject, act.Note)
	}
	t.notifications(d)
	t.settled(d) // after what has settled it, where both happened at the same time
	slices.SortStableFunc(t.entries, func(a, b Entry) int { return cmp.Compare(a.At.UnixMilli(), b.At.UnixMilli()) })
	return t.entries
}

type timeline struct {
	now     time.Time
	entries []Entry
}

// add adds an entry, unless its time is not known.
func (t *timeline) add(at time.Time, what string, source Source, format string, args ...any) {
	if !at.IsZero() {
		t.entries = append(t.entries, Entry{
			At: at.UTC(), What: what, Detail: fmt.Sprintf(format, args...), Source: source, Planned: at.After(t.now),
		})
	}
}

func (t *timeline) reservation(r *stock.Details) {
	if r == nil {
		return
	}
	t.add(time.UnixMilli(r.CreatedAt), TicketsReserved, FromReservation,
		"%d of screening %s for buyer %s, at %s; the half message was stored, since only then its local transaction commits",
		r.Quantity, r.ScreeningID, r.BuyerID, text(r.Amount))
	if r.State == stock.Held {
		t.add(r.SweepAt, Sweep, FromReservation, "the reservation is published again, if its tickets are still reserved")
	}
}

// message adds how the message of the purchase was sent and committed.
func (t *timeline) message(m *mq.Stored, orderID string) {
	switch {
	case m == nil:
		return
	case m.TxID == "":
		t.add(m.StoredAt, PublishedAgain, FromMessage, "by the sweeper or the doctor, as message %s: none of the purchase itself was committed",
			m.MessageID)
		return
	}
	detail := "transaction " + m.TxID
	if trace := cmp.Or(m.Traces[orderID], m.Traces[""]); trace != "" {
		detail += ", trace " + trace
	}
	t.add(m.BornAt, HalfMessageSent, FromMessage, "%s", detail)
	t.entries[len(t.entries)-1].Process = m.Sender
	how := "by the process that sold"
	if m.Checks > 0 {
		how = fmt.Sprintf("after %d check-backs, since the commit was lost or late", m.Checks)
	}
	t.add(m.StoredAt, MessageCommitted, FromMessage, "%s, as message %s", how, m.MessageID)
}

func (t *timeline) order(o *order.Details) {
	if o == nil {
		return
	}
	t.add(o.RecordedAt, OrderRecorded, FromOrder, "%v after the purchase", o.RecordedAt.Sub(time.UnixMilli(o.CreatedAt)).Round(time.Millisecond))
	detail := "unpaid orders are cancelled"
	if o.Extended {
		detail += "; this deadline was moved once, when a payment started"
	}
	if o.AskUntil > 0 {
		detail += "; until " + time.UnixMilli(o.AskUntil).UTC().Format(time.RFC3339) + " its payment provider is asked before that"
	}
	t.add(time.UnixMilli(o.ExpiresAt), PaymentDue, FromOrder, "%s", detail)
}

func (t *timeline) attempts(d Dossier) {
	for _, a := range d.Attempts {
		t.add(a.CreatedAt, PaymentStarted, FromAttempt, "%s by %s, attempt %s", text(a.Amount), a.Provider, a.ID)
		what, known := map[string]string{"open": PaymentOpen, "paid": PaymentPaid, "closed": PaymentClosed}[a.State]
		if !known { // its provider has not answered yet
			continue
		}
		detail := fmt.Sprintf("attempt %s, asked for %d times", a.ID, a.Tries)
		if a.Reference != "" {
			detail += ", which " + a.Provider + " knows as " + a.Reference
		}
		t.add(a.ChangedAt, what, FromAttempt, "%s", detail)
	}
}

func (t *timeline) payments(d Dossier) {
	for _, p := range d.Payments {
		t.add(p.ReceivedAt, MoneyReceived, FromPayment, "%s by %s, payment %s, said by %s: it is %s now",
			text(p.Amount), p.Provider, p.ID, p.WebhookID, p.Result)
	}
	for _, c := range d.Reused {
		t.add(c.Since, IDReused, FromPayment, "%s with the id of another payment, %s: it paid nothing", text(c.Amount), c.PaymentID)
	}
}

func (t *timeline) refunds(d Dossier) {
	for _, r := range d.Refunds {
		t.add(r.CreatedAt, RefundDue, FromRefund, "%s of payment %s, because of %s", text(r.Amount), r.PaymentID, r.Reason)
		if r.ChangedAt.After(r.CreatedAt) {
			detail := fmt.Sprintf("refund %s is %s after %d tries", r.ID, r.State, r.Tries)
			if r.Detail != "" {
				detail += ": " + r.Detail
			}
			t.add(r.ChangedAt, RefundChanged, FromRefund, "%s", detail)
		}
	}
}

// notifications adds what the buyer was told.
func (t *timeline) notifications(d Dossier) {
	for _, n := range d.Notifications {
		about := fmt.Sprintf("%s by %s", n.Kind, n.Channel)
		if n.To != "" {
			about += " to " + n.To
		}
		switch n.State {
		case notify.StateDead:
			t.add(n.CreatedAt, NotificationDead, FromMail, "%s, given up after %d tries: %s", about, n.Tries, n.LastError)
		case notify.StateSkipped:
			t.add(n.CreatedAt, NotificationMade, FromMail, "%s, not sent: %s", about, n.LastError)
		default:
			t.add(n.CreatedAt, NotificationMade, FromMail, "%s", about)
		}
		t.add(n.SentAt, NotificationSent, FromMail, "%s, at try %d", about, n.Tries)
		if n.LastError != "" && n.State == notify.StateDue {
			about += fmt.Sprintf(", after %d tries: %s", n.Tries, n.LastError)
		}
		t.add(n.NextAt, NotificationDue, FromMail, "%s", about)
	}
}

// settled adds how the order and its tickets ended.
func (t *timeline) settled(d Dossier) {
	if d.Order != nil {
		switch d.Order.State {
		case order.Paid:
			how := "by " + strings.Join(d.paidBy(), ", ")
			if d.Order.LatePayment == event.LateRevived {
				how += ", late: it had been cancelled as unpaid, and its tickets were there to be taken again"
			}
			t.add(d.Order.SettledAt, OrderPaid, FromOrder, "%s", how)
		case order.Cancelled:
			t.add(d.Order.SettledAt, OrderCancelled, FromOrder, "reason: %s", d.Order.CancelReason)
		}
	}
	if d.Reservation != nil {
		what := map[stock.ReservationState]string{stock.Sold: TicketsSold, stock.Released: TicketsReleased}[d.Reservation.State]
		t.add(d.Reservation.SettledAt, what, FromReservation, "%d tickets", d.Reservation.Quantity)
	}
}

// paidBy lists the payments that pay the order.
func (d Dossier) paidBy() []string {
	var ids []string
	for _, p := range d.Payments {
		if p.Result == order.Applied {
			ids = append(ids, "payment "+p.ID)
		}
	}
	return ids
}

// text writes money with its minor units.
func text(m event.Money) string { return fmt.Sprintf("%d %s", m.Amount, m.Currency) }

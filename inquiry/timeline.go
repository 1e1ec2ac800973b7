package inquiry

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/common/sentence"
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
	Detail  string // Said in English
	Said    []sentence.Sentence
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
		t.add(act.At, OperatorAct, FromAct, sentence.New("act_done", "{actor} did {act} to {subject}: {note}",
			"actor", act.Actor, "act", sentence.Word{Kind: "act", Value: act.What}, "subject", act.Subject, "note", act.Note))
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

func (t *timeline) reservation(r *stock.Details) {
	if r == nil {
		return
	}
	t.add(time.UnixMilli(r.CreatedAt), TicketsReserved, FromReservation,
		sentence.New("reserved_for", "{count} of screening {screening} for buyer {buyer}, at {amount}", "count", r.Quantity,
			"screening", r.ScreeningID, "buyer", r.BuyerID, "amount", sentence.Amount(r.Amount)),
		sentence.New("half_message_stored", "the half message was stored, since only then its local transaction commits"))
	if r.State == stock.Held {
		t.add(r.SweepAt, Sweep, FromReservation,
			sentence.New("swept_if_reserved", "the reservation is published again, if its tickets are still reserved"))
	}
}

// message adds how the message of the purchase was sent and committed.
func (t *timeline) message(m *mq.Stored, orderID string) {
	switch {
	case m == nil:
		return
	case m.TxID == "":
		t.add(m.StoredAt, PublishedAgain, FromMessage, sentence.New("published_by_others",
			"by the sweeper or the doctor, as message {message}: none of the purchase itself was committed", "message", m.MessageID))
		return
	}
	said := []sentence.Sentence{sentence.New("transaction", "transaction {id}", "id", m.TxID)}
	if trace := cmp.Or(m.Traces[orderID], m.Traces[""]); trace != "" {
		said = append(said, sentence.New("trace", "trace {id}", "id", trace))
	}
	t.addBy(m.Sender, m.BornAt, HalfMessageSent, FromMessage, said...)
	how := sentence.New("committed_by_seller", "by the process that sold, as message {message}", "message", m.MessageID)
	if m.Checks > 0 {
		how = sentence.New("committed_by_check", "after {count} check-backs, since the commit was lost or late, as message {message}",
			"count", m.Checks, "message", m.MessageID)
	}
	t.add(m.StoredAt, MessageCommitted, FromMessage, how)
}

func (t *timeline) order(o *order.Details) {
	if o == nil {
		return
	}
	t.add(o.RecordedAt, OrderRecorded, FromOrder, sentence.New("recorded_after", "{age} after the purchase",
		"age", o.RecordedAt.Sub(time.UnixMilli(o.CreatedAt)).Round(time.Millisecond)))
	said := []sentence.Sentence{sentence.New("unpaid_is_cancelled", "unpaid orders are cancelled")}
	if o.Extended {
		said = append(said, sentence.New("deadline_moved", "this deadline was moved once, when a payment started"))
	}
	if o.AskUntil > 0 {
		said = append(said, sentence.New("provider_asked_until", "until {until} its payment provider is asked before that",
			"until", time.UnixMilli(o.AskUntil)))
	}
	t.add(time.UnixMilli(o.ExpiresAt), PaymentDue, FromOrder, said...)
}

func (t *timeline) attempts(d Dossier) {
	for _, a := range d.Attempts {
		provider := sentence.Word{Kind: "provider", Value: a.Provider}
		t.add(a.CreatedAt, PaymentStarted, FromAttempt, sentence.New("attempt_started", "{amount} by {provider}, attempt {id}",
			"amount", sentence.Amount(a.Amount), "provider", provider, "id", a.ID))
		what, known := map[string]string{"open": PaymentOpen, "paid": PaymentPaid, "closed": PaymentClosed}[a.State]
		if !known { // its provider has not answered yet
			continue
		}
		said := []sentence.Sentence{sentence.New("attempt_asked", "attempt {id}, questions: {count}", "id", a.ID, "count", a.Tries)}
		if a.Reference != "" {
			said = append(said, sentence.New("attempt_known_as", "which {provider} knows as {reference}", "provider", provider,
				"reference", a.Reference))
		}
		t.add(a.ChangedAt, what, FromAttempt, said...)
	}
}

func (t *timeline) payments(d Dossier) {
	for _, p := range d.Payments {
		t.add(p.ReceivedAt, MoneyReceived, FromPayment, sentence.New("money_came",
			"{amount} by {provider}, payment {payment}, said by {delivery}; now: {result}", "amount", sentence.Amount(p.Amount),
			"provider", sentence.Word{Kind: "provider", Value: p.Provider}, "payment", p.ID, "delivery", p.WebhookID,
			"result", sentence.Word{Kind: "payment_result", Value: string(p.Result)}))
	}
	for _, c := range d.Reused {
		t.add(c.Since, IDReused, FromPayment, sentence.New("id_of_another",
			"{amount} with the id of another payment, {payment}: it paid nothing", "amount", sentence.Amount(c.Amount), "payment", c.PaymentID))
	}
}

func (t *timeline) refunds(d Dossier) {
	for _, r := range d.Refunds {
		t.add(r.CreatedAt, RefundDue, FromRefund, sentence.New("refund_because", "{amount} of payment {payment}, because of {reason}",
			"amount", sentence.Amount(r.Amount), "payment", r.PaymentID, "reason", sentence.Word{Kind: "refund_reason", Value: r.Reason}))
		if r.ChangedAt.After(r.CreatedAt) {
			said := []sentence.Sentence{sentence.New("refund_is", "refund {id} is {state}, tries: {count}", "id", r.ID,
				"state", sentence.Word{Kind: "refund_state", Value: r.State}, "count", r.Tries)}
			if r.Detail != "" {
				said = append(said, sentence.New("provider_said", "its provider: {detail}",
					"detail", sentence.Word{Kind: "error", Value: r.Detail}))
			}
			t.add(r.ChangedAt, RefundChanged, FromRefund, said...)
		}
	}
}

// notifications adds what the buyer was told, each by the process that wrote it down or sent it. Who will try next nobody
// knows.
func (t *timeline) notifications(d Dossier) {
	for _, n := range d.Notifications {
		told := []sentence.Sentence{sentence.New("told_by", "{kind} by {channel}",
			"kind", sentence.Word{Kind: "mail", Value: string(n.Kind)}, "channel", sentence.Word{Kind: "channel", Value: string(n.Channel)})}
		if n.To != "" {
			told = append(told, sentence.New("told_to", "to {address}", "address", n.To))
		}
		made, what := told, NotificationMade
		if n.LastError != "" && n.State != notify.StateSent {
			made = append(slices.Clip(told), sentence.New("told_error", "tries: {count}, the last: {error}",
				"count", n.Tries, "error", sentence.Word{Kind: "error", Value: n.LastError}))
			if n.TriedBy != "" {
				made = append(made, sentence.New("told_tried_by", "the last one by {process}", "process", n.TriedBy))
			}
		}
		if n.State == notify.StateDead {
			what = NotificationDead
		}
		t.addBy(n.MadeBy, n.CreatedAt, what, FromMail, made...)
		t.addBy(n.TriedBy, n.SentAt, NotificationSent, FromMail,
			append(slices.Clip(told), sentence.New("told_at_try", "at try {count}", "count", n.Tries))...)
		t.add(n.NextAt, NotificationDue, FromMail, told...)
	}
}

// settled adds how the order and its tickets ended.
func (t *timeline) settled(d Dossier) {
	if d.Order != nil {
		switch d.Order.State {
		case order.Paid:
			said := []sentence.Sentence{sentence.New("paid_by", "by payment {payments}", "payments", strings.Join(d.paidBy(), ", "))}
			if d.Order.LatePayment == event.LateRevived {
				said = append(said, sentence.New("paid_late",
					"late: it had been cancelled as unpaid, and its tickets were there to be taken again"))
			}
			t.add(d.Order.SettledAt, OrderPaid, FromOrder, said...)
		case order.Cancelled:
			t.add(d.Order.SettledAt, OrderCancelled, FromOrder, sentence.New("cancelled_because", "reason: {reason}",
				"reason", sentence.Word{Kind: "cancel_reason", Value: string(d.Order.CancelReason)}))
		}
	}
	if d.Reservation != nil {
		what := map[stock.ReservationState]string{stock.Sold: TicketsSold, stock.Released: TicketsReleased}[d.Reservation.State]
		t.add(d.Reservation.SettledAt, what, FromReservation, sentence.New("ticket_count", "tickets: {count}", "count", d.Reservation.Quantity))
	}
}

// paidBy lists the payments that pay the order.
func (d Dossier) paidBy() []string {
	var ids []string
	for _, p := range d.Payments {
		if p.Result == order.Applied {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

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
	"boxoffice/payment"
	"boxoffice/stock"
)

// timeline is what happened to an order as far as it is stored, the first first. What is not stored: repeated callbacks and
// messages, and how often a message was delivered.
func (d Dossier) timeline(sent messages, now time.Time) []Entry {
	t := &timeline{now: now}
	t.reservation(d.Reservation)
	t.message(sent.purchase, d.OrderID)
	t.order(d)
	t.attempts(d)
	t.payments(d)
	t.refunds(d)
	for _, act := range d.Acts {
		t.addBy(act.Process, act.At, OperatorAct, FromAct, sentence.New("act_done", "{actor} did {act} to {subject}: {note}",
			"actor", act.Who(), "act", sentence.Word{Kind: "act", Value: act.What}, "subject", act.Subject, "note", act.Note))
	}
	t.notifications(d)
	t.settled(d) // after what has settled it, where both happened at the same time
	t.published(sent.outcomes)
	t.tickets(d)
	slices.SortStableFunc(t.entries, func(a, b Entry) int { return cmp.Compare(a.At.UnixMilli(), b.At.UnixMilli()) })
	return t.entries
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

func (t *timeline) order(d Dossier) {
	o := d.Order
	if o == nil {
		return
	}
	t.add(o.RecordedAt, OrderRecorded, FromOrder, sentence.New("recorded_after", "{age} after the purchase",
		"age", o.RecordedAt.Sub(time.UnixMilli(o.CreatedAt)).Round(time.Millisecond)))
	due := time.UnixMilli(o.ExpiresAt)
	ended := d.paidBefore() // an order that was paid and is cancelled keeps the later time alone
	if ended.IsZero() {
		ended = o.SettledAt
	}
	if !ended.IsZero() && ended.Before(due) { // and its deadline is none any more
		return
	}
	said := []sentence.Sentence{sentence.New("unpaid_is_cancelled", "unpaid orders are cancelled")}
	if o.Extended {
		said = append(said, sentence.New("deadline_moved", "this deadline was moved once, when a payment started"))
	}
	if o.AskUntil > 0 {
		said = append(said, sentence.New("provider_asked_until", "until {until} its payment provider is asked before that",
			"until", time.UnixMilli(o.AskUntil)))
	}
	t.add(due, PaymentDue, FromOrder, said...)
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
		if at := d.paidBefore(); !at.IsZero() {
			t.add(at, OrderPaid, FromPayment, sentence.New("paid_by", "by payment {payments}", "payments", strings.Join(d.paidBy(), ", ")))
		}
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

// published adds what the queue has of who said how the order has ended, each with its process.
func (t *timeline) published(outcomes []*mq.Stored) {
	for _, m := range outcomes {
		t.addBy(m.Sender, m.BornAt, OutcomePublished, FromMessage, sentence.New("outcome_message", "as message {message}", "message", m.MessageID))
	}
}

// tickets adds what became of the tickets, each time with the process.
func (t *timeline) tickets(d Dossier) {
	h := d.Tickets
	t.addBy(h.MadeBy, h.Made, TicketsIssued, FromTickets)
	for _, e := range h.Entries {
		said := []sentence.Sentence{sentence.New("ticket_let_in", "ticket {number} of {count}, let in by {staff}",
			"number", e.Number, "count", e.Of, "staff", e.Staff)}
		if e.Gate != "" {
			said = append(said, sentence.New("ticket_gate", "at gate {gate}", "gate", e.Gate))
		}
		t.addBy(e.Process, e.At, TicketUsed, FromTickets, said...)
	}
	if h.IsVoid {
		t.addBy(h.VoidedBy, h.Voided, TicketsVoid, FromTickets)
	}
}

// paidBy lists the payments that pay the order, or have paid it before it was cancelled.
func (d Dossier) paidBy() []string {
	var ids []string
	for _, p := range d.Payments {
		if p.Result == order.Applied || d.hasPaid(p) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// paidBefore is when an order became paid that was cancelled later; zero for one that never was.
func (d Dossier) paidBefore() time.Time {
	for _, p := range d.Payments {
		if d.hasPaid(p) && d.Order.RecordedAt.After(p.ReceivedAt) {
			return d.Order.RecordedAt
		}
		if d.hasPaid(p) {
			return p.ReceivedAt
		}
	}
	return time.Time{}
}

// hasPaid tells whether a payment has paid an order that was cancelled later: its row says only that its money goes back. A
// pending order takes the first right amount that comes, so that what came before the cancellation has paid, unless it goes
// back for another reason. Only the office, and stock that has given its tickets away, cancel what is paid.
func (d Dossier) hasPaid(p order.Received) bool {
	o := d.Order
	if o == nil || o.State != order.Cancelled || o.CancelReason != order.CancelByOffice && o.CancelReason != order.CancelReleased ||
		p.Result != order.RefundDue || p.Amount != o.Amount || !p.ReceivedAt.Before(o.SettledAt) || !o.RecordedAt.Before(o.SettledAt) {
		return false
	}
	return !slices.ContainsFunc(d.Refunds, func(r payment.RefundInfo) bool {
		return r.PaymentID == p.ID && r.Reason != string(order.OrderCancelled) && r.Reason != string(order.ByOffice)
	})
}

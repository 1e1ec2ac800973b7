package doctor

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Print writes the report as text for people.
func (r *Report) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	p := &printer{w: t}
	p.line("examined at %s", r.At.Format("2006-01-02T15:04:05Z"))
	p.line("tickets of\tcapacity\tavailable\treserved\tsold\tby reservations: held\tsold\tby orders: pending\tpaid\tcancelled")
	for _, s := range r.Screenings {
		p.line("%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d", s.ID, s.Capacity, s.Available, s.Reserved, s.Sold,
			s.HeldSum, s.SoldSum, s.PendingOrders, s.PaidOrders, s.Cancelled)
	}
	p.line("")
	p.queue(r)
	for _, s := range r.Skipped {
		p.line("skipped\t%s\t%s", s.Part, s.Why)
	}
	for _, n := range r.Notes {
		p.line("note\t%s\tpayment %s of order %s\t%d %s since %s", n.Kind, n.PaymentID, n.OrderID, n.Amount, n.Currency,
			n.Since.Format("2006-01-02T15:04:05Z"))
	}
	for _, trouble := range r.Troubles {
		p.line("trouble\t%s\t%s\t%s\t-> %s", trouble.Kind, trouble.ID, trouble.Detail, nextStep(trouble))
	}
	if hidden := r.Total() - len(r.Troubles); hidden > 0 {
		p.line("and %d more", hidden)
	}
	for _, done := range r.Fixed {
		p.line("done\t%s", done)
	}
	if r.Healthy() {
		p.line("%s", r.verdict())
	}
	return errors.Join(p.err, t.Flush())
}

// nextStep is what is to be done about a trouble: by Fix, or else by a person.
func nextStep(t Trouble) string {
	switch {
	case t.Remedy != "":
		return t.Remedy
	case t.Kind == QueueAway:
		return "see whether the nameservers and the brokers run, and can be reached from here"
	case t.Kind == MailAway:
		return "see whether the database of mail and SMS runs, and can be reached from here"
	}
	return "a person has to decide"
}

// verdict is the last line of a report without troubles. Messages that wait are no trouble, because an office that runs
// is nearly always a few behind; but what they say has not happened yet, so not all is well.
func (r *Report) verdict() string {
	if r.Queue == nil {
		parts := r.skippedParts()
		if parts == "" {
			parts = "queue"
		}
		return "the databases agree; not examined: " + parts
	}
	behind, total := map[string]int64{}, int64(0)
	for _, l := range r.Queue.Lags {
		if l.Messages > 0 {
			behind[l.Group] += l.Messages
			total += l.Messages
		}
	}
	switch {
	case total == 0 && len(r.Skipped) > 0:
		return "nothing disagrees of what was examined; not examined: " + r.skippedParts()
	case total == 0:
		return "all is well"
	}
	var groups []string
	for _, group := range slices.Sorted(maps.Keys(behind)) {
		groups = append(groups, fmt.Sprintf("%d of group %s", behind[group], group))
	}
	noun := "messages are"
	if total == 1 {
		noun = "message is"
	}
	said := fmt.Sprintf("nothing disagrees, but %d %s behind: %s", total, noun, strings.Join(groups, ", "))
	if len(r.Skipped) > 0 {
		said += "; not examined: " + r.skippedParts()
	}
	return said
}

// skippedParts lists what was not examined.
func (r *Report) skippedParts() string {
	parts := make([]string, len(r.Skipped))
	for i, s := range r.Skipped {
		parts[i] = s.Part
	}
	return strings.Join(parts, ", ")
}

// printer writes lines until one fails, and keeps the error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// queue writes what was found of the message queue.
func (p *printer) queue(r *Report) {
	if r.Queue == nil {
		return
	}
	for _, l := range r.Queue.Lags {
		p.line("queue\t%s\t%s\t%d behind", l.Group, l.Topic, l.Messages)
	}
	p.line("queue\thalf messages\tat most %d in doubt\t%d exhausted in the cluster", r.Queue.HalvesInDoubt, r.Queue.HalvesExhausted)
}

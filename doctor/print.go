package doctor

import (
	"errors"
	"fmt"
	"io"
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
	for _, n := range r.Notes {
		p.line("note\t%s\tpayment %s of order %s\t%d %s since %s", n.Kind, n.PaymentID, n.OrderID, n.Amount, n.Currency,
			n.Since.Format("2006-01-02T15:04:05Z"))
	}
	for _, trouble := range r.Troubles {
		remedy := trouble.Remedy
		if remedy == "" {
			remedy = "a person has to decide"
		}
		p.line("trouble\t%s\t%s\t%s\t-> %s", trouble.Kind, trouble.ID, trouble.Detail, remedy)
	}
	if hidden := r.Total() - len(r.Troubles); hidden > 0 {
		p.line("and %d more", hidden)
	}
	for _, done := range r.Fixed {
		p.line("done\t%s", done)
	}
	switch {
	case r.Healthy() && r.Queue == nil:
		p.line("the databases agree; the queue was not examined")
	case r.Healthy():
		p.line("all is well")
	}
	return errors.Join(p.err, t.Flush())
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
	if r.Skipped != "" {
		p.line("queue: skipped, %s", r.Skipped)
	}
	if r.Queue == nil {
		return
	}
	for _, l := range r.Queue.Lags {
		p.line("queue\t%s\t%s\t%d behind", l.Group, l.Topic, l.Messages)
	}
	p.line("queue\thalf messages\tat most %d in doubt\t%d exhausted in the cluster", r.Queue.HalvesInDoubt, r.Queue.HalvesExhausted)
}

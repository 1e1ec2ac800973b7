package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"boxoffice/scripts/load/traffic"
)

// report is what is printed at the end; with -json, as one line.
type report struct {
	OK        bool           `json:"ok"`
	Screening string         `json:"screening"`
	Buyers    int            `json:"buyers"`
	Rate      float64        `json:"rate_planned"` // 0 is a closed loop
	Achieved  float64        `json:"rate_achieved"`
	Plan      traffic.Report `json:"-"`
	Seconds   float64        `json:"seconds"`
	NotSent   int64          `json:"not_sent"`
	Accepted  int64          `json:"accepted"`
	SoldOut   int64          `json:"sold_out"`
	Busy      int64          `json:"busy"`
	Other     int64          `json:"other"`
	Late      int            `json:"accepted_on_asking_again"`
	Unclear   int            `json:"unclear"`
	Paid      int64          `json:"paid"`
	PayFailed int64          `json:"pay_failed"`
	Took      spread         `json:"accepted_ms"`
	Rejected  spread         `json:"rejected_ms"`
	PayTook   spread         `json:"paid_ms"`
	Strange   string         `json:"strange,omitempty"`
	Verdict   verdict        `json:"verdict"`
	Unchecked string         `json:"unchecked,omitempty"` // why nobody knows whether it is OK
	Closed    bool           `json:"sale_closed"`
	Warning   string         `json:"warning,omitempty"` // why it is not closed
}

// spread is the percentiles of a latency in milliseconds.
type spread struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

func spreadOf(l *traffic.Latency) spread {
	ms := func(p float64) float64 { return float64(l.Percentile(p)) / float64(time.Millisecond) }
	return spread{ms(50), ms(90), ms(99), ms(99.9), ms(100)}
}

func (r *report) tally(sold *sale, p *payer) {
	r.Accepted, r.SoldOut = sold.counts[accepted].Load(), sold.counts[soldOut].Load()
	r.Busy, r.Other = sold.counts[busy].Load(), sold.counts[other].Load()
	r.NotSent, r.Seconds = r.Plan.NotSent, r.Plan.Took.Seconds()
	if r.Seconds > 0 {
		r.Achieved = float64(r.Plan.Started) / r.Seconds
	}
	r.Took, r.Rejected, r.PayTook = spreadOf(sold.latency), spreadOf(sold.rejected), spreadOf(p.latency)
	r.Paid, r.PayFailed, r.Strange = p.latency.Count(), p.failed.Load(), sold.strange
}

// judged notes how the check ended.
func (r *report) judged(err error) {
	if r.OK = err == nil; errors.Is(err, errUnchecked) {
		r.Unchecked = err.Error()
	}
}

// closed notes how the closing of the sale ended.
func (r *report) closed(err error) {
	if r.Closed = err == nil; err != nil {
		r.Warning = err.Error()
	}
}

func (r *report) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(r)
	}
	loop := "closed loop"
	if r.Rate > 0 {
		loop = fmt.Sprintf("%.0f/s planned", r.Rate)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, n int64, s *spread) {
		_, _ = fmt.Fprintf(table, "%s\t%d\t%.0f\t", name, n, float64(n)/max(r.Seconds, 1e-9))
		if s != nil && n > 0 {
			_, _ = fmt.Fprintf(table, "%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t", s.P50, s.P90, s.P99, s.P999, s.Max)
		}
		_, _ = fmt.Fprintf(table, "\n")
	}
	_, _ = fmt.Fprintf(out, "screening %s: %d buyers, %s, %.0f/s achieved for %.1f s\n",
		r.Screening, r.Buyers, loop, r.Achieved, r.Seconds)
	_, _ = fmt.Fprintf(table, "answer\tcount\tper s\tp50 ms\tp90 ms\tp99 ms\tp99.9 ms\tmax ms\t\n")
	row("accepted", r.Accepted, &r.Took)
	row("rejected", r.SoldOut+r.Busy+r.Other, &r.Rejected)
	row("sold out", r.SoldOut, nil)
	row("busy", r.Busy, nil)
	row("other", r.Other, nil)
	row("not sent", r.NotSent, nil)
	row("paid", r.Paid, &r.PayTook)
	row("pay failed", r.PayFailed, nil)
	if err := table.Flush(); err != nil {
		return err
	}
	if r.Strange != "" {
		_, _ = fmt.Fprintf(out, "an answer of the kind other: %s\n", r.Strange)
	}
	if r.Late+r.Unclear > 0 {
		_, _ = fmt.Fprintf(out, "of those without a clear answer, %d were accepted on asking again and %d stay unclear\n", r.Late, r.Unclear)
	}
	if r.Closed {
		_, _ = fmt.Fprintf(out, "screening %s and its orders stay in the shop; its sale is closed\n", r.Screening)
	}
	if r.Warning != "" {
		_, _ = fmt.Fprintf(out, "warning: %s\n", r.Warning)
	}
	return r.printVerdict(out)
}

func (r *report) printVerdict(out io.Writer) error {
	if r.Unchecked != "" {
		_, err := fmt.Fprintln(out, r.Unchecked)
		return err
	}
	state := "nothing lost, nothing sold twice"
	if !r.OK {
		state = "VIOLATED"
	}
	_, err := fmt.Fprintf(out, "%d of %d tickets gone, %d orders held, %d expired, %d read back: %s\n",
		r.Verdict.Capacity-r.Verdict.Available, r.Verdict.Capacity, r.Accepted+int64(r.Late)-r.Verdict.Expired,
		r.Verdict.Expired, r.Verdict.Read, state)
	return err
}

package main

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"time"

	"boxoffice/sim/office"
	"boxoffice/sim/world"
)

// report adds up histories.
type report struct {
	sums                                          hash.Hash
	histories, violations                         int
	took                                          time.Duration
	events, messages, orders, paid, refunds, dead int
	faults                                        map[world.Fault]int
}

func newReport() *report { return &report{sums: sha256.New(), faults: map[world.Fault]int{}} }

// add adds a history.
func (r *report) add(o office.Outcome) {
	r.histories++
	r.took += o.Took
	r.events += o.Events
	r.messages += o.Messages
	r.orders += o.Orders
	r.paid += o.Paid
	r.refunds += o.Refunds
	r.dead += o.Dead
	for f, n := range o.Faults {
		r.faults[f] += n
	}
	_, _ = fmt.Fprintf(r.sums, "%d %s\n", o.Seed, o.Hash)
	if o.Violation != "" {
		r.violations++
	}
}

func (r *report) print(out io.Writer, wall time.Duration) {
	injected := 0
	for _, n := range r.faults {
		injected += n
	}
	_, _ = fmt.Fprintf(out, "%d histories, %.1f simulated days in %s; %d events, %d messages, "+
		"%d dead letters, %d orders, %d of them paid, %d refunds\n",

		r.histories, r.took.Hours()/24, wall.Round(time.Second), r.events, r.messages, r.dead, r.orders, r.paid, r.refunds)
	_, _ = fmt.Fprintf(out, "%d faults of %d kinds:", injected, len(r.faults))
	for _, f := range world.Kinds() {
		if n := r.faults[f]; n > 0 {
			_, _ = fmt.Fprintf(out, " %s %d", f, n)
		}
	}
	_, _ = fmt.Fprintf(out, "\n%d violations; all histories together hash to %x\n", r.violations, r.sums.Sum(nil)[:8])
}

package main

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"time"

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
func (r *report) add(o outcome) {
	r.histories++
	r.took += o.took
	r.events += o.events
	r.messages += o.messages
	r.orders += o.orders
	r.paid += o.paid
	r.refunds += o.refunds
	r.dead += o.dead
	for f, n := range o.faults {
		r.faults[f] += n
	}
	_, _ = fmt.Fprintf(r.sums, "%d %s\n", o.seed, o.hash)
	if o.violation != "" {
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

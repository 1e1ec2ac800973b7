package crash

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"boxoffice/common/failpoint"
)

// Verdict is what a drill has found.
type Verdict struct {
	Violations []string

	options Options
	began   time.Time
	rows    map[string]*row
	order   []string
	rests   []time.Duration
	// exhausted are half messages of which the broker has asked as often as it may, while the office was dead: the doctor names
	// them, and the sweeper has made their orders.
	exhausted map[string]bool
	orders    int
	uncut     []string // statements that did not come by, or not in time, of a drill that cuts connections at each
}

// row is one kind of fault.
type row struct {
	recovered []time.Duration // until tickets were sold again
	passed    int             // times that it did not come by
	broken    int
}

func newVerdict(o Options) *Verdict {
	v := &Verdict{options: o, began: time.Now(), rows: map[string]*row{}, exhausted: map[string]bool{}}
	for _, point := range failpoint.Points() {
		v.of(point.Name)
	}
	return v
}

func (v *Verdict) of(name string) *row {
	if v.rows[name] == nil {
		v.rows[name] = &row{}
		v.order = append(v.order, name)
	}
	return v.rows[name]
}

func (v *Verdict) killed(name string, recovered time.Duration) {
	r := v.of(name)
	r.recovered = append(r.recovered, recovered)
}

func (v *Verdict) passedOver(name string) { v.of(name).passed++ }

// broken notes promises that were found broken after a fault of a kind, and where that was.
func (v *Verdict) broken(row, at string, what ...string) {
	for _, w := range what {
		v.of(row).broken++
		v.Violations = append(v.Violations, at+": "+w)
	}
}

func (v *Verdict) rested(took time.Duration, orders int) {
	v.rests, v.orders = append(v.rests, took), orders
}

// counts are how many faults of a kind there were: those whose row begins with cut, or the others.
func (v *Verdict) counts() (kills, cuts int) {
	for name, r := range v.rows {
		if strings.HasPrefix(name, "cut ") {
			cuts += len(r.recovered)
		} else {
			kills += len(r.recovered)
		}
	}
	return kills, cuts
}

// print prints the table, and what is broken.
func (v *Verdict) print(w io.Writer) error {
	kills, cuts := v.counts()
	text := &strings.Builder{}
	fmt.Fprintf(text, "\nSeed %d: %d kills, %d cut connections and %d orders in %v; %d violations, 0 manual repairs.\n",
		v.options.Seed, kills, cuts, v.orders, time.Since(v.began).Round(time.Second), len(v.Violations))
	if n := len(v.exhausted); n > 0 {
		fmt.Fprintf(text, "The broker gave up %d half messages, unanswered too often; what they had reserved was made all the same.\n", n)
	}
	if v.options.Hurry {
		fmt.Fprintln(text, "What the dead had claimed was not waited for: SQL has ended it (-hurry).")
	}
	for _, statement := range v.uncut {
		fmt.Fprintf(text, "Not cut: %s\n", statement)
	}
	for _, rest := range v.rests {
		fmt.Fprintf(text, "Everything was compared at rest, which came %v after the last purchase.\n", rest.Round(time.Second))
	}
	cells := &strings.Builder{}
	fmt.Fprintln(cells, "\nat\ttimes\tnot come by\tsells again after (half, all)\tviolations\t")
	for _, name := range v.order {
		r := v.rows[name]
		half, all := time.Duration(0), time.Duration(0)
		if sorted := slices.SortedFunc(slices.Values(r.recovered), cmp.Compare[time.Duration]); len(sorted) > 0 {
			half, all = sorted[len(sorted)/2], sorted[len(sorted)-1]
		}
		fmt.Fprintf(cells, "%s\t%d\t%d\t%v, %v\t%d\t\n", name, len(r.recovered), r.passed,
			half.Round(10*time.Millisecond), all.Round(10*time.Millisecond), r.broken)
	}
	table := tabwriter.NewWriter(text, 0, 8, 2, ' ', 0)
	if _, err := io.WriteString(table, cells.String()); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	for _, violation := range v.Violations {
		fmt.Fprintf(text, "VIOLATION %s\n", violation)
	}
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("print the verdict: %w", err)
	}
	return nil
}

package cluster

import (
	"fmt"
	"time"
)

const tableHead = "| fault | away | requests | refused | of these unanswered | longest silence | healed after | lost |\n" +
	"|---|---|---|---|---|---|---|---|\n"

// row is what one fault did to the sale.
type row struct {
	fault      fault
	away       time.Duration // from the fault until its part was started or thawed
	requests   int
	refused    int
	unanswered int           // among the refused
	unclear    int           // purchases of which their buyer never learned what became of them
	silence    time.Duration // longest time in which nobody could buy
	healed     time.Duration // from the part's return until everything was as told, the time to pay included
	lost       int
}

// String is the line of the table.
func (r row) String() string {
	return fmt.Sprintf("| %s | %.0f s | %d | %d | %d | %.1f s | %.0f s | %d |\n",
		r.fault, r.away.Seconds(), r.requests, r.refused, r.unanswered, r.silence.Seconds(), r.healed.Seconds(), r.lost)
}

package doctor

import (
	"strings"
	"testing"
	"time"
)

// The doctor wrote "all is well" below a line that said that 213 messages were behind. That is no trouble, and the last
// line says it.
func TestVerdictSaysWhatIsBehind(t *testing.T) {
	behind := func(lags ...Lag) *Report { return &Report{Queue: &Queue{Lags: lags}} }
	for name, c := range map[string]struct {
		report *Report
		want   string
	}{
		"nothing waits": {behind(Lag{"boxoffice-order-create", "stock-reserved", 0}), "all is well"},
		"no queue":      {&Report{}, "the databases agree; not examined: queue"},
		"tickets are not seen": {
			&Report{Queue: &Queue{}, Skipped: []Skip{{"tickets", "w"}, {"mail and SMS", "w"}}},
			"nothing disagrees of what was examined; not examined: tickets, mail and SMS",
		},
		"nor the queue": {&Report{Skipped: []Skip{{"queue", "w"}, {"tickets", "w"}}}, "the databases agree; not examined: queue, tickets"},
		"one waits, and tickets are not seen": {
			&Report{Queue: &Queue{Lags: []Lag{{"a", "t", 1}}}, Skipped: []Skip{{"tickets", "w"}}},
			"nothing disagrees, but 1 message is behind: 1 of group a; not examined: tickets",
		},
		"one waits": {behind(Lag{"a", "t", 1}), "nothing disagrees, but 1 message is behind: 1 of group a"},
		"groups wait": {
			behind(Lag{"b", "t", 10}, Lag{"a", "t", 200}, Lag{"a", "%RETRY%a", 3}, Lag{"c", "t", 0}),
			"nothing disagrees, but 213 messages are behind: 203 of group a, 10 of group b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := lastLine(t, c.report); got != c.want || !c.report.Healthy() {
				t.Errorf("the verdict is %q, healthy %v, want %q", got, c.report.Healthy(), c.want)
			}
		})
	}
}

// A queue whose port was closed was a trouble on which "a person has to decide", who has nothing to decide there.
func TestQueueThatIsAwaySaysWhatToLookAt(t *testing.T) {
	away := newReport(time.Now())
	away.add(Trouble{Kind: QueueAway, ID: "queue", Detail: "dial tcp 127.0.0.1:9876: connection refused"})
	if got := lastLine(t, away); strings.Contains(got, "decide") || !strings.Contains(got, "-> see whether the nameservers and the brokers run") {
		t.Errorf("it says %q", got)
	}
	broken := newReport(time.Now())
	broken.add(Trouble{Kind: UnbalancedStock, ID: "casablanca", Detail: "does not add up"})
	if got := lastLine(t, broken); !strings.HasSuffix(got, "-> a person has to decide") {
		t.Errorf("it says %q", got)
	}
}

// lastLine prints a report and returns its last line.
func lastLine(t *testing.T, r *Report) string {
	t.Helper()
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return lines[len(lines)-1]
}

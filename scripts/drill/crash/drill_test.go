//go:build !race

package crash

import (
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"boxoffice/common/failpoint"
)

// The office dies at one step after the other, and at random instants, and its connections are cut, while tickets are sold, paid,
// cancelled and given back. At any moment the counters are the sums of the reservations, and in the end, after no repair
// but that of the office itself, everything is as buyers, the office and the payment provider were told.
//
// This is the beginning of a drill; RELIABILITY.md has what a whole one has found.
func TestTheOfficeIsKilledAtEachStep(t *testing.T) {
	v, err := Run(t.Context(), Options{
		Kills: 8, For: 3 * time.Minute, Cuts: 4, Seed: 1, Port: newPorts(t), Dir: t.TempDir(), Hurry: true, Each: 1000,
	}, t.Output())
	if v == nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Error(err)
	}
	if err := v.print(t.Output()); err != nil {
		t.Error(err)
	}
	for _, violation := range v.Violations {
		t.Error(violation)
	}
	if kills, cuts := v.counts(); kills < 3 || cuts == 0 || len(v.reached()) < 2 {
		t.Errorf("%d kills, %d cuts, killed at %q: too few to say anything", kills, cuts, v.reached())
	}
}

// Whoever cuts connections at each statement kills nothing, but an office that has to start for it, and says what did not come by.
func TestAConnectionIsCutAtEachStatement(t *testing.T) {
	v, err := Run(t.Context(), Options{
		Statements: true, Kills: 1, For: 3 * time.Minute, Cuts: 3, Seed: 1, Port: newPorts(t), Dir: t.TempDir(), Hurry: true, Each: 1000,
	}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range v.Violations {
		t.Error(violation)
	}
	if _, cuts := v.counts(); cuts != 3 || len(v.reached()) > 0 || len(v.uncut) == 0 {
		t.Errorf("%d cuts, killed at %q, %d statements left; want 3, no step, and the rest", cuts, v.reached(), len(v.uncut))
	}
}

// reached are the steps at which the office was killed.
func (v *Verdict) reached() (names []string) {
	for _, point := range failpoint.Points() {
		if len(v.rows[point.Name].recovered) > 0 {
			names = append(names, point.Name)
		}
	}
	return names
}

// newPorts finds three ports below those that the system gives to others.
func newPorts(t *testing.T) int {
	t.Helper()
	for first := 24400; first < 32000; first += 3 {
		if freePort(first) {
			return first
		}
	}
	t.Fatal("no ports are free")
	return 0
}

// freePort tells whether three ports from this one on are nobody's.
func freePort(first int) bool {
	for port := first; port < first+3; port++ {
		listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil || listener.Close() != nil {
			return false
		}
	}
	return true
}

// The table is what a run is read by, so each fault is in its row, and what is broken stands where it was broken.
func TestTheVerdictCounts(t *testing.T) {
	v := newVerdict(Options{Seed: 7})
	v.killed("half.stored", time.Second)
	v.killed("half.stored", 3*time.Second)
	v.killed("cut after stock, COMMIT", time.Millisecond)
	v.passedOver("revive.taken")
	v.broken("half.stored", "half.stored", "a ticket is gone")
	if kills, cuts := v.counts(); kills != 2 || cuts != 1 {
		t.Errorf("%d kills and %d cuts, want 2 and 1", kills, cuts)
	}
	text := &strings.Builder{}
	if err := v.print(text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`Seed 7: 2 kills, 1 cut connections`, `half.stored +2 +0 +3s, 3s +1 `, `revive.taken +0 +1 `, `VIOLATION half.stored: a ticket is gone`,
	} {
		if !regexp.MustCompile(want).MatchString(text.String()) {
			t.Errorf("%q is not in the table:\n%s", want, text)
		}
	}
}

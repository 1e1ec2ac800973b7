package payment

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// While a provider was busy with lists of due orders, the search for forgotten payments found no turn at it, and asked nobody. Each
// such look counted as one in vain: the pauses grew, and after three days the search ended without a question.
func TestSearchWithoutATurnCountsForNothing(t *testing.T) {
	f := newFixture(t)
	f.provider.nameless, f.other.nameless = true, true
	o := f.create(time.Hour)
	opened := f.start(o)
	f.restore(false)
	f.cancelByBuyer(o)
	turns := f.payments.turns["fake"]
	for range cap(turns) {
		turns <- struct{}{}
	}
	if n := f.searchFor(80 * time.Hour); n != 0 {
		t.Errorf("looked for %d orders while nobody was asked", n)
	}
	if n := f.provider.count("close"); n != 0 {
		t.Fatalf("a provider without a turn was asked %d times", n)
	}
	for range cap(turns) {
		<-turns
	}
	f.searchFor(2 * time.Minute)
	if state := f.provider.attempts[opened.ID].State; state != Closed {
		t.Errorf("the payment of an order that was cancelled is %s, and can be paid", state)
	}
}

// After a restore with many pending orders the search asked for one list of them after the other without a pause, for each order
// for several payments of each provider, until the last: a provider that bounds how many questions it answers would have refused
// the office's others, too.
func TestSearchPausesBetweenItsLists(t *testing.T) {
	jobs := newFixture(t).payments.jobs()
	search := jobs[slices.IndexFunc(jobs, func(j job) bool { return j.name == "look for payments of restored orders" })]
	synctest.Test(t, func(t *testing.T) {
		var passes []time.Time
		ctx, cancel := context.WithCancel(t.Context())
		search.pass = func(context.Context) (int, error) {
			if passes = append(passes, time.Now()); len(passes) == 3 {
				cancel()
			}
			return searchMax, nil
		}
		(&Service{}).repeat(ctx, search)
		for i := 1; i < len(passes); i++ {
			if pause := passes[i].Sub(passes[i-1]); pause < time.Second {
				t.Errorf("a list came %s after the one before", pause)
			}
		}
	})
}

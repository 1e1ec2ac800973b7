package payment

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// The order database could be read and not written, as after a failover or on a full disk. What was due was read, and no
// worker could claim it: the workers called that work done, and looked again at once, thousands of times in a second, for as
// long as it lasted, and without a line in the log.
func TestWorkPausesWhenNothingCanBeClaimed(t *testing.T) {
	if os.Getenv("BOXOFFICE_TEST_MYSQL") != "" {
		t.Skip("the statements are SQLite's, and one would make the whole server read-only")
	}
	for name, statements := range map[string][]string{
		"read-only": {`PRAGMA query_only = 1`},
		"broken": {
			`CREATE TRIGGER attempts BEFORE UPDATE ON payment_attempts BEGIN SELECT RAISE(ABORT, 'broken'); END`,
			`CREATE TRIGGER refunds BEFORE UPDATE ON refunds BEGIN SELECT RAISE(ABORT, 'broken'); END`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newLateRefund(t)
			f.start(f.create(time.Hour))
			f.advance(firstAskPause)
			for _, statement := range statements {
				f.exec(statement)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := f.payments.Work(ctx)
			if ctx.Err() != nil || err == nil {
				t.Fatalf("the work ends with %v after 20 s", err)
			}
			for _, job := range []string{"ask fake: ", "send refunds by fake: "} {
				if !strings.Contains(err.Error(), job) {
					t.Errorf("%v, want also that it cannot %q", err, job)
				}
			}
			if n := f.provider.count("query") + f.provider.count("refund"); n > 0 {
				t.Errorf("the provider got %d calls for what nobody had claimed", n)
			}
		})
	}
}

// A failure of one row is no failure of the work: the others have their turn.
func TestWorkGoesOnAfterAFailureOfOneRow(t *testing.T) {
	f := newLateRefund(t)
	f.lateRefund()
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = errAway })
	f.work()
	if n := f.provider.count("refund"); n != 2 {
		t.Errorf("%d refunds were tried, want both", n)
	}
}

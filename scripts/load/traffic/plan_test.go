package traffic_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice/scripts/load/traffic"
)

// A load tester that measured from the real start of a request showed a p99 of a millisecond for a server that had
// stood still for half a second: the requests that it kept from starting were not in the figures.
func TestAStallIsInThePercentilesOfAnOpenLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		latency := traffic.NewLatency()
		plan := traffic.Plan{Workers: 2, Rate: 100, For: 2 * time.Second}
		begin := time.Now()
		report := plan.Run(t.Context(), func(_ context.Context, s traffic.Start) {
			stallEnd := begin.Add(time.Second)
			if s.N >= 50 && time.Now().Before(stallEnd) {
				time.Sleep(time.Until(stallEnd))
			}
			time.Sleep(time.Millisecond)
			latency.Record(time.Since(s.Due))
		})
		if report.Started != 200 || report.NotSent != 0 || report.Took < 1990*time.Millisecond || report.Took > 2*time.Second {
			t.Errorf("%+v, want all 200 within 2 s", report)
		}
		if p50, p99, longest := latency.Percentile(50), latency.Percentile(99), latency.Percentile(100); p50 > 2*time.Millisecond ||
			p99 < 450*time.Millisecond || longest < 500*time.Millisecond || longest > 502*time.Millisecond {
			t.Errorf("p50 %s, p99 %s, longest %s, want 1 ms, nearly 500 ms and 501 ms", p50, p99, longest)
		}
	})
}

func TestAnOpenLoopKeepsItsTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		plan := traffic.Plan{Workers: 3, Rate: 10, For: time.Second}
		plan.Run(t.Context(), func(_ context.Context, s traffic.Start) {
			due := begin.Add(time.Duration(s.N) * 100 * time.Millisecond)
			if !s.Due.Equal(due) || !time.Now().Equal(due) {
				t.Errorf("start %d at %s for %s, want %s", s.N, time.Since(begin), s.Due.Sub(begin), due.Sub(begin))
			}
		})
	})
}

func TestAnOpenLoopGivesUpOnAServerThatIsTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := traffic.Plan{Workers: 1, Rate: 100, For: 2 * time.Second}
		report := plan.Run(t.Context(), func(context.Context, traffic.Start) { time.Sleep(time.Second) })
		if report.Started != 13 || report.NotSent != 187 {
			t.Errorf("%+v, want the 13 that start within the plan and 10 s", report)
		}
	})
}

func TestAClosedLoopWaitsForAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under, most atomic.Int64
		plan := traffic.Plan{Workers: 4, For: time.Second}
		report := plan.Run(t.Context(), func(_ context.Context, s traffic.Start) {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			time.Sleep(100 * time.Millisecond)
			if s.Due.After(time.Now()) {
				t.Error("a closed loop has no plan")
			}
		})
		if report.Started != 40 || most.Load() != 4 {
			t.Errorf("%d starts, %d at once, want 40 and 4", report.Started, most.Load())
		}
	})
}

func TestTheEndOfTheContextEndsAPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		plan := traffic.Plan{Workers: 2, Rate: 1, For: time.Hour}
		report := plan.Run(ctx, func(context.Context, traffic.Start) {})
		if report.Took > time.Second || report.Started > 2 {
			t.Errorf("%+v, want the end after a second", report)
		}
	})
}

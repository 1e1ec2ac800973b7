package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"boxoffice/scripts/load/traffic"
)

// thinkTime passes before each purchase, so that nothing of the last one is under way any more.
const thinkTime = 10 * time.Millisecond

// latencyAlone measures the answers to a lone buyer who comes again and again to an idle variant.
func (b *bench) latencyAlone(open openFunc) measureFunc {
	return func(ctx context.Context) (figures, error) {
		return b.onFixture(ctx, b.home, func(f *fixture) (figures, error) {
			v, err := open(ctx, f)
			if err != nil {
				return nil, fmt.Errorf("open: %w", err)
			}
			latency, run := traffic.NewLatency(), rand.Text()
			end := time.Now().Add(b.duration)
			var n int64
			for ; time.Now().Before(end); n++ {
				if err := pause(ctx, thinkTime); err != nil {
					return nil, err
				}
				begin := time.Now()
				if err := v.buy(ctx, purchase{run: run, n: n}); err != nil {
					return nil, fmt.Errorf("buy: %w", err)
				}
				latency.Record(time.Since(begin))
			}
			result := figures{"p50 ms": milliseconds(latency.Percentile(50)), "p99 ms": milliseconds(latency.Percentile(99))}
			return result, verified(ctx, v, n)
		})
	}
}

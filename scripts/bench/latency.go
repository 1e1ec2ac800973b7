package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"boxoffice/scripts/load/traffic"
)

// thinkTime lets what a purchase leaves behind come to rest, so that the next one meets an idle office.
const thinkTime = 10 * time.Millisecond

// aloneSlot measures the answer to a lone buyer who comes again and again to an idle office.
func (b *bench) aloneSlot(name string, open func(context.Context, *rig) (shop, error)) func(context.Context) (figures, error) {
	return func(ctx context.Context) (f figures, err error) {
		err = b.onRig(ctx, b.home, func(r *rig) error {
			s, err := open(ctx, r)
			if err != nil {
				return fmt.Errorf("open: %w", err)
			}
			latency, run := traffic.NewLatency(), rand.Text()
			end := time.Now().Add(b.slot)
			var n int64
			for ; time.Now().Before(end); n++ {
				if err := pause(ctx, thinkTime); err != nil {
					return err
				}
				begin := time.Now()
				if err := s.buy(ctx, purchase{run: run, n: n}); err != nil {
					return fmt.Errorf("buy: %w", err)
				}
				latency.Record(time.Since(begin))
			}
			f = figures{name + ".p50 ms": milliseconds(latency.Percentile(50)), name + ".p99 ms": milliseconds(latency.Percentile(99))}
			restCtx, cancel := context.WithTimeout(ctx, restTimeout)
			defer cancel()
			return s.rest(restCtx, n)
		})
		return f, err
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

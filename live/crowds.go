package live

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/time/rate"

	"boxoffice/stock"
)

// Of a screening on sale every look finds another number of tickets. Telling a crowd costs more than all else that is done
// here, so that after a burst so many streams are told in a second, and each gets what is newest then.
const (
	crowdRate  = 2_500
	crowdBurst = 10_000

	crowdStep = 100 // streams that are told of a screening at once
)

// crowds tells those who watch screenings of newer states. Each screening has a goroutine of its own while its crowd is told,
// and all of them take steps in turn, so that a few who watch one screening do not wait for the crowd at another.
type crowds struct {
	screenings *topics[stock.Screening]
	steps      *rate.Limiter

	mu      sync.Mutex
	told    map[*topic[stock.Screening]]bool // those whose crowds are being told; true: of a newer state afterwards
	running sync.WaitGroup
}

func newCrowds(screenings *topics[stock.Screening]) *crowds {
	return &crowds{
		screenings: screenings, steps: rate.NewLimiter(crowdRate, crowdBurst), told: map[*topic[stock.Screening]]bool{},
	}
}

// tell has the crowd of a screening told of its newest state, without waiting for that.
func (c *crowds) tell(ctx context.Context, of *topic[stock.Screening]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, underway := c.told[of]; underway {
		c.told[of] = true
		return
	}
	c.told[of] = false
	c.running.Go(func() {
		for {
			c.tellAll(ctx, of)
			if !c.again(ctx, of) {
				return
			}
		}
	})
}

// again tells whether a crowd that was told must be told of a still newer state. If not, it is not being told any more.
func (c *crowds) again(ctx context.Context, of *topic[stock.Screening]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told[of] && ctx.Err() == nil {
		c.told[of] = false
		return true
	}
	delete(c.told, of)
	return false
}

// tellAll wakes who watches a screening, a few at a time, until ctx ends.
func (c *crowds) tellAll(ctx context.Context, of *topic[stock.Screening]) {
	for some := range slices.Chunk(c.screenings.watchersOf(of), crowdStep) {
		if c.steps.WaitN(ctx, len(some)) != nil { // ctx has ended
			return
		}
		for _, w := range some {
			w.Wake()
		}
	}
}

// wait returns when no crowd is told any more, after the ctx of all has ended.
func (c *crowds) wait() { c.running.Wait() }

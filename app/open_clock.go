package app

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/officeclock"
)

const (
	clockPause   = 5 * time.Second  // between two looks at the database's clock
	clockTimeout = 2 * time.Second  // of one look
	clockGrain   = time.Millisecond // in which the database tells the time
)

// openClock sets the office's clock by that of the order database, in which deadlines stand, and keeps it so. On SQLite there is
// no other clock than the machine's. While the database does not answer, the last word counts.
func (o *office) openClock(ctx context.Context) error {
	if err := o.followClock(ctx); err != nil {
		return fmt.Errorf("read the order database's clock: %w", err)
	}
	o.goUntilClose(ctx, func(ctx context.Context) {
		ticker := time.NewTicker(clockPause)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := o.followClock(ctx); err != nil {
					o.log.Debug("the database's clock cannot be read", "error", err)
				}
			}
		}
	})
	return nil
}

// setClock makes the office's clock of this machine's. The longest that an order waits is its window, the time that a payment
// adds, and the time in which a provider is asked.
func (o *office) setClock(wall, ages func() time.Time, skew func(context.Context) (time.Duration, error)) {
	if skew == nil {
		skew = o.askDatabaseClock
	}
	o.wall, o.skew = wall, skew
	o.clock = officeclock.New(wall, ages, o.config.PayWindow+o.config.PayLease+o.config.PayGrace)
	o.now = o.clock.Now
}

func (o *office) followClock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, clockTimeout)
	defer cancel()
	asked := time.Now()
	ahead, err := o.skew(ctx)
	if err != nil {
		return err
	}
	switch isNews := o.clock.Correct(ahead, time.Since(asked)/2+clockGrain); {
	case isNews && ahead.Abs() <= officeclock.Slack:
		o.log.Info("this machine's clock is that of the order database again")
	case isNews:
		o.log.Warn("this machine's clock is not that of the order database, which counts", "ahead", ahead.Round(time.Millisecond))
	}
	return nil
}

// askDatabaseClock says how far this process's clock is ahead of the order database's.
func (o *office) askDatabaseClock(ctx context.Context) (time.Duration, error) {
	return o.orderDB.ClockSkew(ctx, o.wall)
}

package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A part that hangs holds up a stop for stopTimeout at most, and its draining ends before, so that what is closed after it is
// closed in order.
func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c closers
		hang, last := make(chan struct{}), false
		c.onClose(func() error { last = true; return nil })
		for range 3 { // each drains for as long as it may
			c.onClose(func() error {
				return c.drain(context.Background(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
			})
		}
		began := time.Now()
		if err := c.closeAll(stopTimeout); !errors.Is(err, context.DeadlineExceeded) || !last {
			t.Errorf("three parts that do not finish: %v, the last one closed: %v", err, last)
		}
		if took := time.Since(began); took != stopTimeout-stopReserve {
			t.Errorf("they took %v, want %v", took, stopTimeout-stopReserve)
		}
		c.onClose(func() error { <-hang; return nil })
		began = time.Now()
		if err := c.closeAll(stopTimeout); !errors.Is(err, errStopTimeout) || time.Since(began) != stopTimeout {
			t.Errorf("a part that hangs: %v after %v", err, time.Since(began))
		}
		close(hang)
	})
}

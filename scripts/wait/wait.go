// Package wait has the pauses of programs that somebody may end at any moment.
package wait

import (
	"context"
	"time"
)

// For waits, and is false when ctx ends first.
func For(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

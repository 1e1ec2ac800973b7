package outage

import (
	"context"
	"errors"
	"log/slog"
	"slices"
)

// Loop logs the errors of work that is done again and again, one line for each stretch of them. It says nothing of outages,
// which an Outage tells of: with a line of its own each loop would hide the two that say when something was away. Make one with
// NewLoop; it is for one goroutine.
type Loop struct {
	log     *slog.Logger
	doing   string
	outages []error
	failing bool
}

// NewLoop returns the log of some work, "end orders". The outages are what its errors are where somebody else tells of them.
func NewLoop(log *slog.Logger, doing string, outages ...error) *Loop {
	return &Loop{log: log, doing: doing, outages: outages}
}

// Observe takes the result of one pass. Whoever has found nothing to do leaves it out: that ends no stretch of errors.
func (l *Loop) Observe(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil: // the loop ends, and the pass with it
	case slices.ContainsFunc(l.outages, func(known error) bool { return errors.Is(err, known) }):
		l.log.DebugContext(ctx, "the pass failed in an outage", "doing", l.doing, "error", err)
	default:
		if err != nil && !l.failing {
			l.log.ErrorContext(ctx, "the pass failed", "doing", l.doing, "error", err)
		}
		l.failing = err != nil
	}
}

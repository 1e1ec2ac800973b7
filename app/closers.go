package app

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// drainTimeout bounds how long a part that stops finishes what it has begun.
	drainTimeout = 30 * time.Second
	// stopTimeout bounds a stop: whoever runs the process kills it after a minute, and is better told before what happens.
	// What is not closed then is as after a kill: nothing that was acknowledged is lost.
	stopTimeout = 50 * time.Second
	// stopReserve is how long before that the last draining ends, for what is closed after it.
	stopReserve = 10 * time.Second
)

var errStopTimeout = errors.New("stopping has taken too long: what is still open is left as it is, and the next start recovers")

// closers closes what was opened, in the reverse order.
type closers struct {
	inOpeningOrder []func() error
	drainUntil     time.Time // zero until it closes
}

// onClose adds how to close what has just been opened.
func (c *closers) onClose(f func() error) { c.inOpeningOrder = append(c.inOpeningOrder, f) }

// closeAll closes everything, also after an error. It fails with errStopTimeout when that takes longer than limit.
func (c *closers) closeAll(limit time.Duration) error {
	c.drainUntil = time.Now().Add(limit - stopReserve)
	closing := c.inOpeningOrder
	c.inOpeningOrder = nil
	closed := make(chan error, 1)
	go func() {
		var err error
		for _, closePart := range slices.Backward(closing) {
			err = errors.Join(err, closePart())
		}
		closed <- err
	}()
	select {
	case err := <-closed:
		return err
	case <-time.After(limit):
		return errStopTimeout
	}
}

// drain closes a part that finishes first what it has begun, within drainTimeout and what the stop has left.
func (c *closers) drain(ctx context.Context, closePart func(context.Context) error) error {
	ctx, cancel := context.WithDeadline(ctx, c.drainUntil)
	defer cancel()
	return drain(ctx, closePart)
}

// drain closes a part that finishes first what it has begun, within drainTimeout.
func drain(ctx context.Context, closePart func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	return closePart(ctx)
}

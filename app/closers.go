package app

import (
	"context"
	"errors"
	"slices"
	"time"
)

const drainTimeout = 30 * time.Second

// closers closes what was opened, in the reverse order.
type closers struct {
	inOpeningOrder []func() error
}

// onClose adds how to close what has just been opened.
func (c *closers) onClose(f func() error) { c.inOpeningOrder = append(c.inOpeningOrder, f) }

// closeAll closes everything, also after an error.
func (c *closers) closeAll() error {
	var err error
	for _, closePart := range slices.Backward(c.inOpeningOrder) {
		err = errors.Join(err, closePart())
	}
	c.inOpeningOrder = nil
	return err
}

// drain closes a part that finishes first what it has begun, for which it has drainTimeout.
func drain(ctx context.Context, closePart func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	return closePart(ctx)
}

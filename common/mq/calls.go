package mq

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

var errClosed = errors.New("closed")

// calls runs blocking calls of the client library on goroutines of their own, so that a caller whose context ends goes
// on: some of those calls look up routes for seconds with no context at all. Their number is bounded, and close waits
// for them.
type calls struct {
	slots   chan struct{}
	mu      sync.Mutex // keeps the wait group from growing once close waits for it
	closed  bool
	running sync.WaitGroup
}

func newCalls(limit int) *calls { return &calls{slots: make(chan struct{}, limit)} }

// run starts call when a slot is free.
func (c *calls) run(ctx context.Context, call func()) error {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	return c.start(call)
}

// tryRun starts call if a slot is free now.
func (c *calls) tryRun(call func()) error {
	select {
	case c.slots <- struct{}{}:
		return c.start(call)
	default:
		return fmt.Errorf("all %d slots are taken", cap(c.slots))
	}
}

func (c *calls) start(call func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		<-c.slots
		return errClosed
	}
	c.running.Go(func() {
		defer func() { <-c.slots }()
		call()
	})
	return nil
}

// close lets no more calls in and waits for those that run, or until ctx ends.
func (c *calls) close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	select {
	case <-ended(&c.running):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %d calls in flight: %w", len(c.slots), ctx.Err())
	}
}

// ended is closed when the group is done.
func ended(group *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	return done
}

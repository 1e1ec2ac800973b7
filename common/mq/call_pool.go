package mq

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

var errClosed = errors.New("closed")

// callPool runs blocking calls of the client library, each on a goroutine of its own, so that a caller whose context
// ends need not wait: some of those calls look up routes for seconds and take no context. Their number is bounded, and
// close waits for them.
type callPool struct {
	slots   chan struct{}
	mu      sync.Mutex // keeps the wait group from growing once close waits for it
	closed  bool
	running sync.WaitGroup
}

func newCallPool(limit int) *callPool { return &callPool{slots: make(chan struct{}, limit)} }

// run starts call when a slot is free, and does not wait for its end.
func (p *callPool) run(ctx context.Context, call func()) error {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	return p.start(call)
}

// tryRun is run for a caller that does not wait for a slot either.
func (p *callPool) tryRun(call func()) error {
	select {
	case p.slots <- struct{}{}:
		return p.start(call)
	default:
		return fmt.Errorf("all %d slots are taken", cap(p.slots))
	}
}

// start expects that its caller has taken a slot.
func (p *callPool) start(call func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		<-p.slots
		return errClosed
	}
	p.running.Go(func() {
		defer func() { <-p.slots }()
		call()
	})
	return nil
}

// close refuses further calls and waits for those that run, or until ctx ends.
func (p *callPool) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	select {
	case <-waitChannel(&p.running):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %d calls in flight: %w", len(p.slots), ctx.Err())
	}
}

// waitChannel returns a channel that is closed when the wait group is done, so that a select can wait for it.
func waitChannel(group *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	return done
}

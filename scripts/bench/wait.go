package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"boxoffice/broker"
)

const pollInterval = 5 * time.Millisecond

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// eventually polls until check returns nil, and returns its last error when ctx ends first.
func eventually(ctx context.Context, check func() error) error {
	for {
		err := check()
		if err == nil {
			return nil
		}
		if pause(ctx, pollInterval) != nil {
			return err
		}
	}
}

// awaitDecided waits until the embedded broker has no undecided transaction. A real RocketMQ, for which embedded is nil,
// is not asked: that the orders are there says enough.
func awaitDecided(ctx context.Context, embedded *broker.Broker) error {
	if embedded == nil {
		return nil
	}
	return eventually(ctx, func() error {
		if n := len(embedded.HalfMessages()); n > 0 {
			return fmt.Errorf("%d half messages are undecided", n)
		}
		return nil
	})
}

// firstError keeps the first error of several goroutines.
type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) set(err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

package mq

import (
	"context"
	"errors"
	"testing"
)

func TestCallPoolIsBounded(t *testing.T) {
	c := newCallPool(1)
	release := make(chan struct{})
	if err := c.run(t.Context(), func() { <-release }); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.run(ended, func() { t.Error("ran beside the first") }); !errors.Is(err, context.Canceled) {
		t.Errorf("second call: %v, want to wait for a slot until its context ends", err)
	}
	if err := c.tryRun(func() { t.Error("ran beside the first") }); err == nil {
		t.Error("a call found a slot that is taken")
	}
	close(release)
	if err := c.close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCallPoolCloseWaitsAndRefuses(t *testing.T) {
	c := newCallPool(4)
	release, finished := make(chan struct{}), make(chan struct{})
	if err := c.run(t.Context(), func() { <-release; close(finished) }); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.close(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("close with a call in flight: %v", err)
	}
	if err := c.run(t.Context(), func() { t.Error("ran after close") }); !errors.Is(err, errClosed) {
		t.Errorf("call after close: %v", err)
	}
	close(release)
	if err := c.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-finished:
	default:
		t.Error("close returned before the call did")
	}
}

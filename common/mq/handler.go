package mq

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// Handler handles the messages of one topic. Make one with Handle.
type Handler struct {
	topic  string
	handle func(ctx context.Context, body []byte) error
}

// Handle makes the Handler of a topic. handle must be idempotent: every message may come more than once, also after it
// was handled.
func Handle[T any](topic Topic[T], handle func(context.Context, T) error) Handler {
	return Handler{topic: string(topic), handle: func(ctx context.Context, body []byte) error {
		payload, err := topic.Decode(body)
		if err != nil {
			return Permanent(err)
		}
		return handle(ctx, payload)
	}}
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent marks a handler's error as one that another delivery cannot help: the message goes to the dead letters at
// once. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// IsPermanent tells whether an error is one that Permanent has marked.
func IsPermanent(err error) bool {
	var permanent permanentError
	return errors.As(err, &permanent)
}

// call calls the handler and turns a panic into an error. The client library would swallow the panic, neither
// acknowledge the message nor send it back, and stop its queue.
func (h Handler) call(ctx context.Context, body []byte) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("handler panicked: %v\n%s", cause, debug.Stack())
		}
	}()
	return h.handle(ctx, body)
}

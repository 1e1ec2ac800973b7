package mq

import (
	"context"
	"time"
)

// Handler handles the messages of one topic.
type Handler struct{}

// Handle makes a Handler.
func Handle[T any](topic Topic[T], handle func(context.Context, T) error) Handler { return Handler{} }

// Permanent marks an error that another delivery cannot help.
func Permanent(err error) error { return err }

// ConsumeOptions are the options of Consume.
type ConsumeOptions struct {
	Group       string
	Concurrency int
	Timeout     time.Duration // of one handler call
}

// Consumer is a running consumer.
type Consumer struct{}

// Consume starts a consumer of a group.
func (b *Bus) Consume(ctx context.Context, o ConsumeOptions, handlers ...Handler) (*Consumer, error) {
	return nil, ErrUnavailable
}

// Close drains the consumer.
func (c *Consumer) Close(ctx context.Context) error { return nil }

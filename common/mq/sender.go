package mq

import "context"

// Sender sends plain and delayed messages.
type Sender struct{}

// NewSender starts a sender of a group.
func (b *Bus) NewSender(ctx context.Context, group string) (*Sender, error) {
	return nil, ErrUnavailable
}

// Close ends the sender.
func (s *Sender) Close() {}

// Send sends payload and returns nil only on SEND_OK.
func Send[T any](ctx context.Context, s *Sender, topic Topic[T], key string, payload T) error {
	return ErrNotSent
}

// SendDelayed sends payload to be delivered after the level's delay.
func SendDelayed[T any](ctx context.Context, s *Sender, topic Topic[T], key string, payload T, level DelayLevel) error {
	return ErrNotSent
}

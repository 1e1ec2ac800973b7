package mq

import (
	"errors"
	"fmt"
)

// ErrNotSent means that a message is not known to be stored, and for a half message that its local transaction did not
// and will not run. The broker may have it all the same: consumers are idempotent, and check-backs answer for half
// messages.
var ErrNotSent = errors.New("message not sent")

// ErrUnavailable means that no nameserver or no broker answered, or that they do not serve what was asked for.
var ErrUnavailable = errors.New("message queue unavailable")

// ErrForeign means that topics and groups, or a message, belong to another system on the same cluster.
var ErrForeign = errors.New("of another system on the same cluster")

// unavailable returns ErrUnavailable with its causes in one sentence; those that are nil are left out.
func unavailable(causes ...error) error {
	err := ErrUnavailable
	for _, cause := range causes {
		if cause != nil {
			err = fmt.Errorf("%w: %w", err, cause)
		}
	}
	return err
}

// joinInLine joins the errors of several servers as errors.Join does, but in one line.
func joinInLine(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return fmt.Errorf("%w; %w", first, second)
}

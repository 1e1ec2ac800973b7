package notify

import (
	"context"
	"time"
)

// SendEvery sends what is due, by every channel that has a Sender, now and after each pause until ctx ends. Any number of
// processes may do so; they share the work.
func (s *Service) SendEvery(ctx context.Context, pause time.Duration) {}

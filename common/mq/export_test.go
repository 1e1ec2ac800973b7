package mq

import (
	"context"
	"time"
)

// Queues is the number of queues of a topic on all brokers.
func Queues(ctx context.Context, b *Bus, topic string) (int, error) {
	route, err := b.servers.route(ctx, topic)
	total := 0
	for _, queues := range route {
		total += queues
	}
	return total, err
}

// Bid and Take are the halves of a claim of names that nobody has, between which another may come.
func Bid(ctx context.Context, b *Bus) error  { return b.bid(ctx) }
func Take(ctx context.Context, b *Bus) error { return b.take(ctx) }

// WaitForLate has a transactor wait so long for a master that answers when another one has stored the half message.
func WaitForLate(t *Transactor, wait time.Duration) { t.late = wait }

// Later sets the clock by which a transactor spares masters ahead. No message may be on its way.
func Later(t *Transactor, by time.Duration) {
	t.masters.mu.Lock()
	defer t.masters.mu.Unlock()
	now := t.masters.now
	t.masters.now = func() time.Time { return now().Add(by) }
}

// Pause is for how long a transactor spares a master, 0 for one that it does not spare.
func Pause(t *Transactor, master string) time.Duration {
	t.masters.mu.Lock()
	defer t.masters.mu.Unlock()
	if f := t.masters.failing[master]; f != nil {
		return f.pause
	}
	return 0
}

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

// Failing are the masters that a transactor spares.
func Failing(t *Transactor) (names []string) {
	t.masters.mu.Lock()
	defer t.masters.mu.Unlock()
	for name := range t.masters.failing {
		names = append(names, name)
	}
	return names
}

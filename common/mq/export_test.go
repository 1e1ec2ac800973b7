package mq

import "context"

// Queues is the number of queues of a topic on all brokers.
func Queues(ctx context.Context, b *Bus, topic string) (int, error) {
	route, err := b.servers.route(ctx, topic)
	total := 0
	for _, queues := range route {
		total += queues
	}
	return total, err
}

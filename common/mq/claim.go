package mq

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Empty topics are the marks of systems: topics are what a broker keeps for good and every nameserver shows.
const (
	ownerTopic = "boxoffice-owner-" // begins the mark of whoever has the names of a prefix
	bidTopic   = "boxoffice-claim-" // begins the mark of whoever wants them
)

// Claim takes the names under the bus's prefix for the bus's owner, once and for all. It fails with ErrForeign when they are
// another's, and when another wants them at the same moment: of two none may go on that does not know of the other.
func (b *Bus) Claim(ctx context.Context) error {
	owners, err := b.marks(ctx, ownerTopic)
	if err != nil {
		return err
	}
	mine := b.namespace.qualify(ownerTopic + b.namespace.owner)
	others := without(owners, mine)
	switch {
	case len(owners) == 0:
		if err := b.bid(ctx); err != nil {
			return err
		}
		return b.take(ctx)
	case len(others) == 0, len(others) < len(owners) && mine < slices.Min(others): // an earlier version let two leave this mark
		return nil
	}
	return fmt.Errorf("topics and groups are %w, which has put its mark there: topic %s", ErrForeign, slices.Min(others))
}

// bid shows that this system wants the names.
func (b *Bus) bid(ctx context.Context) error {
	if err := b.Provision(ctx, []TopicSpec{{Name: bidTopic + b.namespace.owner, Queues: 1}}, nil); err != nil {
		return fmt.Errorf("claim the names; where no topic may be created, create %q by hand: %w",
			b.namespace.qualify(ownerTopic+b.namespace.owner), err)
	}
	return nil
}

// take takes the names if nobody else wants them. Bids stay: whoever comes second finds that of the first, however long that
// one takes between its look and its mark.
func (b *Bus) take(ctx context.Context) error {
	bids, err := b.marks(ctx, bidTopic)
	if err != nil {
		return err
	}
	if others := without(bids, b.namespace.qualify(bidTopic+b.namespace.owner)); len(others) > 0 {
		return fmt.Errorf("topics and groups are wanted by this system, and by one that is %w; "+
			"if that has names of its own now, delete its topic %s", ErrForeign, slices.Min(others))
	}
	return b.Provision(ctx, []TopicSpec{{Name: ownerTopic + b.namespace.owner, Queues: 1}}, nil)
}

// marks lists the topics under this prefix whose names begin so.
func (b *Bus) marks(ctx context.Context, kind string) ([]string, error) {
	topics, err := b.servers.topics(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask whose topics these are: %w", err)
	}
	return slices.DeleteFunc(topics, func(topic string) bool { return !strings.HasPrefix(topic, b.namespace.qualify(kind)) }), nil
}

func without(topics []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(topics), func(topic string) bool { return topic == one })
}

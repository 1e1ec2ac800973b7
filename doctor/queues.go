package doctor

import (
	"cmp"
	"context"
	"slices"
	"time"

	"boxoffice/common/event"
)

// Queues is how deep the queues are, and who consumes them.
type Queues struct {
	Topics          []TopicDepth
	Groups          []GroupDepth
	HalvesInDoubt   int64 // half messages of the cluster that wait for commit or rollback, at most
	HalvesExhausted int64 // of the cluster, given up after the last check-back and not reviewed
}

// TopicDepth is how many messages were ever stored on a topic.
type TopicDepth struct {
	Topic  string
	Stored int64
}

// GroupDepth is how far behind a consumer group is.
type GroupDepth struct {
	Group       string
	Topic       string
	Lag         int64 // messages of the topic that it has not confirmed
	Retrying    int64 // messages that failed before and are to be delivered again, without those that wait for their delay
	DeadLetters int64 // that nobody has reviewed
	Consumers   []string
}

// Queues asks the brokers. It fails with ErrQueueAway when they do not answer.
func (s *Service) Queues(ctx context.Context) (Queues, error) {
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	depths, err := s.office.Bus.Inspect(ctx, event.Subscriptions(s.office.Further...)...)
	if err != nil {
		return Queues{}, queueAway(err)
	}
	q := Queues{HalvesInDoubt: depths.HalvesInDoubt, HalvesExhausted: depths.HalvesExhausted}
	for topic, stored := range depths.Stored {
		q.Topics = append(q.Topics, TopicDepth{topic, stored})
	}
	slices.SortFunc(q.Topics, func(a, b TopicDepth) int { return cmp.Compare(a.Topic, b.Topic) })
	for _, sub := range event.Subscriptions(s.office.Further...) {
		group := GroupDepth{Group: sub.Group, Topic: sub.Topic, Lag: depths.Lag[sub], DeadLetters: depths.DeadLetters[sub.Group]}
		for other, n := range depths.Lag {
			if other.Group == sub.Group && other.Topic != sub.Topic {
				group.Retrying += n
			}
		}
		if group.Consumers, err = s.office.Bus.Members(ctx, sub.Group); err != nil {
			return Queues{}, queueAway(err)
		}
		q.Groups = append(q.Groups, group)
	}
	return q, nil
}

// DeadGroup is the dead letters of one consumer group, or with an empty Group the exhausted half messages.
type DeadGroup struct {
	Kind     Kind // DeadLetter or ExhaustedHalf
	Group    string
	Count    int64 // of all
	Messages []DeadMessage
}

// DeadMessage is one dead message.
type DeadMessage struct {
	MessageID string
	Topic     string
	Key       string
	StoredAt  time.Time // when it was given up, by the broker's clock
	OrderIDs  []string
	Problem   string // why it cannot be read; empty for one that can
}

// DeadLetters lists the dead messages, up to limit of each group. It fails with ErrQueueAway when the brokers do not answer.
func (s *Service) DeadLetters(ctx context.Context, limit int) ([]DeadGroup, error) {
	all, err := s.readDead(ctx, limit)
	if err != nil {
		return nil, err
	}
	groups := make([]DeadGroup, len(all))
	for i, dead := range all {
		groups[i] = DeadGroup{Kind: dead.kind, Group: dead.group, Count: dead.count}
		for _, m := range dead.List {
			message := DeadMessage{MessageID: m.MessageID, Topic: m.Topic, Key: m.Key, StoredAt: m.StoredAt.UTC()}
			if message.OrderIDs, err = ordersOf(m); err != nil {
				message.Problem = err.Error()
			}
			groups[i].Messages = append(groups[i].Messages, message)
		}
	}
	return groups, nil
}

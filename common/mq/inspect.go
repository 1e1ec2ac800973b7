package mq

import (
	"context"
	"fmt"
)

const (
	// The broker's own names (TopicValidator, MixAll 5.3.3): half messages, the group in which the broker itself reads
	// them, and the half messages that were checked back transactionCheckMax times.
	halfTopic      = "RMQ_SYS_TRANS_HALF_TOPIC"
	halfGroup      = "CID_RMQ_SYS_TRANS"
	exhaustedTopic = "TRANS_CHECK_MAX_TIME_TOPIC"

	// reviewGroup confirms the dead letters and exhausted halves that somebody has dealt with.
	reviewGroup = "boxoffice-doctor"
)

// Subscription is a consumer group and a topic that it consumes.
type Subscription struct{ Group, Topic string }

// Depths are the numbers of messages in the brokers' queues.
type Depths struct {
	// Stored is, by topic, the messages ever stored on it.
	Stored map[string]int64
	// Lag is what a group has not confirmed yet. Besides the topics asked for it has each group's retry topic; retries
	// that still wait for their delay are not counted. Consumers confirm every five seconds.
	Lag map[Subscription]int64
	// DeadLetters is, by group, the messages that were given up and not reviewed.
	DeadLetters map[string]int64
	// HalvesInDoubt is at most how many half messages of the whole cluster wait for their commit or rollback. A real
	// broker advances its own offset once in a transactionCheckInterval, so until then those that have been decided since
	// are counted too.
	HalvesInDoubt int64
	// HalvesExhausted is the half messages of the whole cluster that were given up after their last check-back and
	// are not reviewed.
	HalvesExhausted int64
}

// Inspect asks the brokers how deep the queues of these subscriptions are. ctx bounds it as a whole; no broker or
// nameserver makes it fail with ErrUnavailable.
func (b *Bus) Inspect(ctx context.Context, subscriptions ...Subscription) (Depths, error) {
	s, err := b.beginSurvey(ctx)
	if err != nil {
		return Depths{}, fmt.Errorf("inspect queues: %w", err)
	}
	defer s.close()
	d := Depths{Stored: map[string]int64{}, Lag: map[Subscription]int64{}, DeadLetters: map[string]int64{}}
	for _, sub := range subscriptions {
		if err := s.inspect(ctx, sub, &d); err != nil {
			return Depths{}, fmt.Errorf("inspect queues of group %q: %w", sub.Group, err)
		}
	}
	if err := s.inspectHalves(ctx, &d); err != nil {
		return Depths{}, fmt.Errorf("inspect half messages: %w", err)
	}
	return d, nil
}

func (s *survey) inspect(ctx context.Context, sub Subscription, d *Depths) error {
	group := s.bus.name(sub.Group)
	for _, topic := range []string{sub.Topic, retryPrefix + sub.Group} {
		places, err := s.places(ctx, s.bus.name(topic))
		if err != nil {
			return err
		}
		if d.Lag[Subscription{sub.Group, topic}], err = s.behind(ctx, group, places...); err != nil {
			return err
		}
		if topic != sub.Topic {
			continue
		}
		d.Stored[topic] = 0
		for _, p := range places {
			end, err := s.end(ctx, p)
			if err != nil {
				return err
			}
			d.Stored[topic] += end
		}
	}
	var err error
	d.DeadLetters[sub.Group], err = s.unreviewed(ctx, s.bus.name(deadLetterPrefix+sub.Group))
	return err
}

func (s *survey) inspectHalves(ctx context.Context, d *Depths) error {
	for broker := range s.brokers {
		n, err := s.behind(ctx, halfGroup, place{broker, halfTopic, 0})
		if err != nil {
			return err
		}
		d.HalvesInDoubt += n
	}
	var err error
	d.HalvesExhausted, err = s.unreviewed(ctx, exhaustedTopic)
	return err
}

func (s *survey) unreviewed(ctx context.Context, topic string) (int64, error) {
	places, err := s.places(ctx, topic)
	if err != nil {
		return 0, err
	}
	return s.behind(ctx, s.bus.name(reviewGroup), places...)
}

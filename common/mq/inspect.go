package mq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"boxoffice/broker/remoting"
)

const (
	// The broker's own topic of half messages, and the group in which it reads them itself (TopicValidator, MixAll 5.3.3).
	halfTopic = "RMQ_SYS_TRANS_HALF_TOPIC"
	halfGroup = "CID_RMQ_SYS_TRANS"
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

// Inspect asks the brokers how deep the queues of these subscriptions are. ctx bounds it as a whole. Without a broker or
// a nameserver it fails with ErrUnavailable.
func (b *Bus) Inspect(ctx context.Context, subscriptions ...Subscription) (Depths, error) {
	admin, err := newAdminClient(ctx, b.servers)
	if err != nil {
		return Depths{}, fmt.Errorf("inspect queues: %w", err)
	}
	defer admin.close()
	d := Depths{Stored: map[string]int64{}, Lag: map[Subscription]int64{}, DeadLetters: map[string]int64{}}
	for _, sub := range subscriptions {
		if err := b.inspectSubscription(ctx, admin, sub, &d); err != nil {
			return Depths{}, fmt.Errorf("inspect queues of group %q: %w", sub.Group, err)
		}
	}
	if err := b.inspectHalves(ctx, admin, &d); err != nil {
		return Depths{}, fmt.Errorf("inspect half messages: %w", err)
	}
	return d, nil
}

func (b *Bus) inspectSubscription(ctx context.Context, admin *adminClient, sub Subscription, d *Depths) error {
	group := b.namespace.qualify(sub.Group)
	for _, topic := range []string{sub.Topic, retryPrefix + sub.Group} {
		queues, err := admin.queues(ctx, b.namespace.qualify(topic))
		if err != nil {
			return err
		}
		if d.Lag[Subscription{sub.Group, topic}], err = admin.lag(ctx, group, queues...); err != nil {
			return err
		}
		if topic != sub.Topic {
			continue
		}
		d.Stored[topic] = 0
		for _, q := range queues {
			end, err := admin.maxOffset(ctx, q)
			if err != nil {
				return err
			}
			d.Stored[topic] += end
		}
	}
	var err error
	d.DeadLetters[sub.Group], err = b.countDead(ctx, admin, b.namespace.qualify(deadLetterPrefix+sub.Group))
	return err
}

func (b *Bus) inspectHalves(ctx context.Context, admin *adminClient, d *Depths) error {
	for broker := range admin.brokers {
		n, err := admin.lag(ctx, halfGroup, messageQueue{broker, halfTopic, 0})
		if err != nil {
			return err
		}
		d.HalvesInDoubt += n
	}
	var err error
	d.HalvesExhausted, err = b.countDead(ctx, admin, exhaustedTopic)
	return err
}

// countDead counts the messages of a topic of dead messages that are not reviewed.
func (b *Bus) countDead(ctx context.Context, admin *adminClient, topic string) (int64, error) {
	queues, err := admin.queues(ctx, topic)
	if err != nil {
		return 0, err
	}
	return admin.lag(ctx, b.namespace.qualify(reviewGroup), queues...)
}

// HasGroup tells whether the brokers know a consumer group: whether it was ever provisioned, and not deleted since.
func (b *Bus) HasGroup(ctx context.Context, group string) (bool, error) {
	_, err := b.servers.route(ctx, b.namespace.qualify(retryPrefix+group))
	switch {
	case errors.Is(err, errNoRoute):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for group %q: %w", group, unavailable(err))
	}
	return true, nil
}

// Members returns the client ids of those who consume as a group now, in any process. A process that dies leaves when its
// connection breaks, which is at once unless its machine is gone too.
func (b *Bus) Members(ctx context.Context, group string) ([]string, error) {
	admin, err := newAdminClient(ctx, b.servers)
	if err != nil {
		return nil, fmt.Errorf("list members of group %q: %w", group, err)
	}
	defer admin.close()
	members := map[string]bool{}
	for broker := range admin.brokers {
		answer, err := admin.exchange(ctx, broker, remoting.GetConsumerListByGroup,
			map[string]string{"consumerGroup": b.namespace.qualify(group)})
		if err != nil {
			return nil, fmt.Errorf("list members of group %q: %w", group, err)
		}
		if answer.Code != remoting.Success { // a broker says so, in these words, when nobody is there
			continue
		}
		var body struct {
			IDs []string `json:"consumerIdList"`
		}
		if err := json.Unmarshal(answer.Body, &body); err != nil {
			return nil, fmt.Errorf("list members of group %q: %w", group, err)
		}
		for _, id := range body.IDs {
			members[id] = true
		}
	}
	return slices.Sorted(maps.Keys(members)), nil
}

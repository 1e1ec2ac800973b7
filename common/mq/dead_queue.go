package mq

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker/remoting"
)

// DeadLetters reads the dead letters of a consumer group that were not reviewed, at most limit.
func (b *Bus) DeadLetters(ctx context.Context, group string, limit int) (DeadMessages, error) {
	topic := b.namespace.qualify(deadLetterPrefix + group)
	dead, err := b.readDead(ctx, topic, limit, func(m *primitive.MessageExt) (string, bool) {
		return b.namespace.plainTopic(m.GetProperty(remoting.PropertyRetryTopic)), true
	})
	if err != nil {
		return DeadMessages{}, fmt.Errorf("read dead letters of group %q: %w", group, err)
	}
	return dead, nil
}

// ExhaustedHalves reads the half messages of a topic that were given up after their last check-back and were not
// reviewed, at most limit. The broker keeps those of all topics together; the others are passed over.
func (b *Bus) ExhaustedHalves(ctx context.Context, topic string, limit int) (DeadMessages, error) {
	dead, err := b.readDead(ctx, exhaustedTopic, limit, func(m *primitive.MessageExt) (string, bool) {
		return topic, m.GetProperty(remoting.PropertyRealTopic) == b.namespace.qualify(topic)
	})
	if err != nil {
		return DeadMessages{}, fmt.Errorf("read exhausted half messages: %w", err)
	}
	return dead, nil
}

// MarkReviewed confirms that these messages have been dealt with: they, and what was passed over to find them, are not
// read and not counted again.
func (b *Bus) MarkReviewed(ctx context.Context, dead DeadMessages) error {
	admin, err := newAdminClient(ctx, b.servers)
	if err != nil {
		return fmt.Errorf("confirm dead messages: %w", err)
	}
	defer admin.close()
	for queue, offset := range dead.next {
		if err := admin.commitOffset(ctx, b.namespace.qualify(reviewGroup), queue, offset); err != nil {
			return fmt.Errorf("confirm dead messages: %w", err)
		}
	}
	return nil
}

// readDead reads from a topic what is not reviewed. originOf tells to which topic a message was sent, and whether it is
// wanted.
func (b *Bus) readDead(ctx context.Context, topic string, limit int, originOf func(*primitive.MessageExt) (string, bool)) (DeadMessages, error) {
	admin, err := newAdminClient(ctx, b.servers)
	if err != nil {
		return DeadMessages{}, err
	}
	defer admin.close()
	queues, err := admin.queues(ctx, topic)
	if err != nil {
		return DeadMessages{}, err
	}
	group := b.namespace.qualify(reviewGroup)
	dead := DeadMessages{next: map[messageQueue]int64{}}
	for _, queue := range queues {
		next, err := admin.nextOffset(ctx, group, queue)
		if err != nil {
			return DeadMessages{}, err
		}
		end, err := admin.maxOffset(ctx, queue)
		if err != nil {
			return DeadMessages{}, err
		}
		for next < end && len(dead.List) < limit {
			messages, following, err := admin.pull(ctx, group, queue, next, min(limit-len(dead.List), readBatch))
			if err != nil {
				return DeadMessages{}, err
			}
			if following <= next {
				break
			}
			for _, m := range messages {
				if origin, ok := originOf(m); ok {
					dead.List = append(dead.List, newDeadMessage(m, origin))
				}
			}
			next = following
			dead.next[queue] = next
		}
	}
	return dead, nil
}

func newDeadMessage(m *primitive.MessageExt, origin string) DeadMessage {
	return DeadMessage{
		Topic: origin, Key: m.GetKeys(), MessageID: m.MsgId, Body: m.Body, StoredAt: time.UnixMilli(m.StoreTimestamp),
		owner: m.GetProperty(propertyOwner),
	}
}

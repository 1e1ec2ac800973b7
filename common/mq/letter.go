package mq

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

const (
	propertyRetryTopic = "RETRY_TOPIC" // of a dead letter: the topic on which it was sent
	propertyRealTopic  = "REAL_TOPIC"  // of a half message: the topic to which it would be committed

	// The pull's flag that its subscription stands in the request (PullSysFlag), so that it needs no consumer.
	pullSubscription = 4
	// ResponseCode 5.3.3.
	responsePullNotFound    = 19
	responsePullAgain       = 20
	responsePullOffsetMoved = 21
)

// Letter is a message that the queue has given up: a dead letter, or a half message after its last check-back.
type Letter struct {
	Topic     string // to which it was sent
	Key       string
	MessageID string
	Body      []byte
	StoredAt  time.Time // when it was given up, by the broker's clock

	owner string
}

// Letters are letters that were read together, the oldest of each queue first.
type Letters struct {
	List []Letter

	read map[place]int64 // the offsets that follow what was read, others' messages included
}

// DeadLetters reads the dead letters of a consumer group that were not reviewed, at most limit.
func (b *Bus) DeadLetters(ctx context.Context, group string, limit int) (Letters, error) {
	letters, err := b.letters(ctx, b.name(deadLetterPrefix+group), limit, func(m *primitive.MessageExt) (string, bool) {
		return b.plainTopic(m.GetProperty(propertyRetryTopic)), true
	})
	if err != nil {
		return Letters{}, fmt.Errorf("read dead letters of group %q: %w", group, err)
	}
	return letters, nil
}

// ExhaustedHalves reads the half messages of a topic that were given up after their last check-back and were not
// reviewed, at most limit. The broker keeps those of all topics together; the others are passed over.
func (b *Bus) ExhaustedHalves(ctx context.Context, topic string, limit int) (Letters, error) {
	letters, err := b.letters(ctx, exhaustedTopic, limit, func(m *primitive.MessageExt) (string, bool) {
		return topic, m.GetProperty(propertyRealTopic) == b.name(topic)
	})
	if err != nil {
		return Letters{}, fmt.Errorf("read exhausted half messages: %w", err)
	}
	return letters, nil
}

// Reviewed says that these letters have been dealt with: they, and what was passed over to find them, are not read and
// not counted again.
func (b *Bus) Reviewed(ctx context.Context, letters Letters) error {
	s, err := b.beginSurvey(ctx)
	if err != nil {
		return fmt.Errorf("confirm letters: %w", err)
	}
	defer s.close()
	for p, offset := range letters.read {
		fields := p.fields()
		fields["consumerGroup"] = b.name(reviewGroup)
		fields["commitOffset"] = strconv.FormatInt(offset, 10)
		answer, _, err := s.ask(ctx, p.broker, requestSetConsumerOffset, fields)
		if err != nil {
			return fmt.Errorf("confirm letters: %w", err)
		}
		if answer.Code != responseSuccess {
			return fmt.Errorf("confirm letters: broker %s refused with code %d: %s", p.broker, answer.Code, answer.Remark)
		}
	}
	return nil
}

// Resend sends a letter once more, as a plain message with its own body and key, to the topic to which it was sent. Its
// errors are those of Send.
func Resend(ctx context.Context, s *Sender, l Letter) error {
	err := s.send(ctx, func() *primitive.Message {
		m := s.bus.newMessage(ctx, l.Topic, l.Key, l.Body)
		if l.owner != "" {
			m.WithProperty(propertyOwner, l.owner)
		}
		return m
	})
	if err != nil {
		s.bus.counters.sendFailed.Add(1)
		return fmt.Errorf("send letter to topic %q again: %w", l.Topic, err)
	}
	s.bus.counters.sent.Add(1)
	return nil
}

// letters reads what the review has not confirmed. wanted tells the topic of a message, and whether it is a letter that
// is looked for.
func (b *Bus) letters(ctx context.Context, topic string, limit int, wanted func(*primitive.MessageExt) (string, bool)) (Letters, error) {
	s, err := b.beginSurvey(ctx)
	if err != nil {
		return Letters{}, err
	}
	defer s.close()
	places, err := s.places(ctx, topic)
	if err != nil {
		return Letters{}, err
	}
	all := Letters{read: map[place]int64{}}
	for _, p := range places {
		next, err := s.position(ctx, s.bus.name(reviewGroup), p)
		if err != nil {
			return Letters{}, err
		}
		end, err := s.end(ctx, p)
		if err != nil {
			return Letters{}, err
		}
		for next < end && len(all.List) < limit {
			messages, following, err := s.pull(ctx, p, next, min(limit-len(all.List), pullBatch))
			if err != nil {
				return Letters{}, err
			}
			if following <= next {
				break
			}
			for _, m := range messages {
				if topic, ok := wanted(m); ok {
					all.List = append(all.List, Letter{
						Topic: topic, Key: m.GetKeys(), MessageID: m.MsgId, Body: m.Body, StoredAt: time.UnixMilli(m.StoreTimestamp),
						owner: m.GetProperty(propertyOwner),
					})
				}
			}
			next = following
			all.read[p] = next
		}
	}
	return all, nil
}

// pull reads a few messages from an offset on, without a wait, and returns the offset that follows them.
func (s *survey) pull(ctx context.Context, p place, offset int64, n int) ([]*primitive.MessageExt, int64, error) {
	fields := p.fields()
	for name, value := range map[string]string{
		"consumerGroup": s.bus.name(reviewGroup), "queueOffset": strconv.FormatInt(offset, 10),
		"maxMsgNums": strconv.Itoa(n), "sysFlag": strconv.Itoa(pullSubscription), "commitOffset": "0",
		"suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0", "expressionType": "TAG",
	} {
		fields[name] = value
	}
	answer, body, err := s.ask(ctx, p.broker, requestPull, fields)
	if err != nil {
		return nil, 0, err
	}
	following, parseErr := strconv.ParseInt(answer.ExtFields["nextBeginOffset"], 10, 64)
	switch answer.Code {
	case responseSuccess, responsePullNotFound, responsePullAgain, responsePullOffsetMoved:
	default:
		return nil, 0, fmt.Errorf("broker %s refused to read %q with code %d: %s", p.broker, p.topic, answer.Code, answer.Remark)
	}
	if parseErr != nil {
		return nil, 0, fmt.Errorf("read next offset of broker %s: %w", p.broker, parseErr)
	}
	if answer.Code != responseSuccess {
		return nil, following, nil
	}
	messages, err := decodeMessages(body)
	return messages, following, err
}

// decodeMessages keeps the client's decoder, which trusts every length that it reads, from ending the process.
func decodeMessages(body []byte) (messages []*primitive.MessageExt, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			messages, err = nil, fmt.Errorf("decode messages: %v", cause)
		}
	}()
	return primitive.DecodeMessage(body), nil
}

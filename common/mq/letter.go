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

	at     place
	offset int64
}

// DeadLetters reads the dead letters of a consumer group that were not reviewed, the oldest first, at most limit.
func (b *Bus) DeadLetters(ctx context.Context, group string, limit int) ([]Letter, error) {
	letters, err := b.letters(ctx, b.name(deadLetterPrefix+group), propertyRetryTopic, limit)
	if err != nil {
		return nil, fmt.Errorf("read dead letters of group %q: %w", group, err)
	}
	return letters, nil
}

// ExhaustedHalves reads the half messages that were given up after their last check-back and were not reviewed, the
// oldest first, at most limit. They are those of the whole cluster, whatever their prefix: Topic tells whose they are.
func (b *Bus) ExhaustedHalves(ctx context.Context, limit int) ([]Letter, error) {
	letters, err := b.letters(ctx, exhaustedTopic, propertyRealTopic, limit)
	if err != nil {
		return nil, fmt.Errorf("read exhausted half messages: %w", err)
	}
	return letters, nil
}

// Reviewed says that somebody has dealt with these letters, all that were read of their queues: they are not read and
// not counted again.
func (b *Bus) Reviewed(ctx context.Context, letters []Letter) error {
	s, err := b.beginSurvey(ctx)
	if err != nil {
		return fmt.Errorf("confirm letters: %w", err)
	}
	defer s.close()
	next := map[place]int64{}
	for _, l := range letters {
		next[l.at] = max(next[l.at], l.offset+1)
	}
	for p, offset := range next {
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
	err := s.send(ctx, func() *primitive.Message { return newMessage(ctx, s.bus.name(l.Topic), l.Key, l.Body) })
	if err != nil {
		s.bus.counters.sendFailed.Add(1)
		return fmt.Errorf("send letter to topic %q again: %w", l.Topic, err)
	}
	s.bus.counters.sent.Add(1)
	return nil
}

func (b *Bus) letters(ctx context.Context, topic, origin string, limit int) ([]Letter, error) {
	s, err := b.beginSurvey(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	places, err := s.places(ctx, topic)
	if err != nil {
		return nil, err
	}
	var all []Letter
	for _, p := range places {
		found, err := s.read(ctx, p, origin, limit-len(all))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// read pulls what the review has not confirmed.
func (s *survey) read(ctx context.Context, p place, origin string, limit int) ([]Letter, error) {
	next, err := s.position(ctx, s.bus.name(reviewGroup), p)
	if err != nil {
		return nil, err
	}
	end, err := s.end(ctx, p)
	if err != nil {
		return nil, err
	}
	var found []Letter
	for next < end && len(found) < limit {
		messages, following, err := s.pull(ctx, p, next, min(limit-len(found), pullBatch))
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			found = append(found, Letter{
				Topic: s.bus.plainTopic(m.GetProperty(origin)), Key: m.GetKeys(), MessageID: m.MsgId, Body: m.Body,
				StoredAt: time.UnixMilli(m.StoreTimestamp), at: p, offset: m.QueueOffset,
			})
		}
		if following <= next {
			break
		}
		next = following
	}
	return found, nil
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

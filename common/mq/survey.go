package mq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Request and response codes for looking into queues (RequestCode, ResponseCode 5.3.3).
const (
	requestPull              = 11
	requestConsumerOffset    = 14
	requestSetConsumerOffset = 15
	requestMaxOffset         = 30
	requestMinOffset         = 31

	responseOffsetNotFound = 22
)

// survey is one look into the brokers' queues. It keeps a connection to each broker for as long as it lasts, and ends
// with the context that it was begun with.
type survey struct {
	bus     *Bus
	brokers map[string]string // address by name
	talks   map[string]*conversation
}

// place is one queue of a topic, by the names that the brokers use.
type place struct {
	broker string
	topic  string
	queue  int
}

func (p place) fields() map[string]string {
	return map[string]string{"topic": p.topic, "queueId": strconv.Itoa(p.queue)}
}

func (b *Bus) beginSurvey(ctx context.Context) (*survey, error) {
	brokers, err := b.brokers(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for brokers: %w", err)
	}
	if len(brokers) == 0 {
		return nil, fmt.Errorf("no broker is registered: %w", ErrUnavailable)
	}
	return &survey{bus: b, brokers: brokers, talks: make(map[string]*conversation)}, nil
}

func (s *survey) close() {
	for _, talk := range s.talks {
		talk.close()
	}
}

// places lists the queues of a topic; a topic that no nameserver knows has none.
func (s *survey) places(ctx context.Context, topic string) ([]place, error) {
	route, err := s.bus.route(ctx, topic)
	switch {
	case errors.Is(err, errNoRoute):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look up route of topic %q: %w", topic, err)
	}
	var places []place
	for broker, queues := range route {
		if _, isMaster := s.brokers[broker]; !isMaster {
			continue
		}
		for queue := range queues {
			places = append(places, place{broker, topic, queue})
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.broker != b.broker {
			return strings.Compare(a.broker, b.broker)
		}
		return a.queue - b.queue
	})
	return places, nil
}

// ask sends one request to a broker, on the connection of this survey.
func (s *survey) ask(ctx context.Context, broker string, code int, fields map[string]string) (header, []byte, error) {
	talk := s.talks[broker]
	if talk == nil {
		var err error
		if talk, err = converse(ctx, s.brokers[broker]); err != nil {
			return header{}, nil, fmt.Errorf("connect to broker %s: %w", broker, err)
		}
		s.talks[broker] = talk
	}
	answer, body, err := talk.ask(ctx, code, fields)
	if err != nil {
		return header{}, nil, fmt.Errorf("ask broker %s: %w", broker, err)
	}
	return answer, body, nil
}

// offset reads the offset that one request answers with; known is false when there is none.
func (s *survey) offset(ctx context.Context, broker string, code int, fields map[string]string) (offset int64, known bool, err error) {
	answer, _, err := s.ask(ctx, broker, code, fields)
	switch {
	case err != nil:
		return 0, false, err
	case answer.Code == responseOffsetNotFound:
		return 0, false, nil
	case answer.Code != responseSuccess:
		return 0, false, fmt.Errorf("broker %s refused request %d with code %d: %s", broker, code, answer.Code, answer.Remark)
	}
	if offset, err = strconv.ParseInt(answer.ExtFields["offset"], 10, 64); err != nil {
		return 0, false, fmt.Errorf("read offset of broker %s: %w", broker, err)
	}
	return offset, true, nil
}

// end is the offset that the next message of a queue will have.
func (s *survey) end(ctx context.Context, p place) (int64, error) {
	end, _, err := s.offset(ctx, p.broker, requestMaxOffset, p.fields())
	return end, err
}

// position is where a group goes on in a queue: at the oldest message if it has not confirmed any yet, or if retention
// has deleted what it had not read.
func (s *survey) position(ctx context.Context, group string, p place) (int64, error) {
	oldest, _, err := s.offset(ctx, p.broker, requestMinOffset, p.fields())
	if err != nil {
		return 0, err
	}
	fields := p.fields()
	fields["consumerGroup"] = group
	fields["setZeroIfNotFound"] = "false"
	confirmed, known, err := s.offset(ctx, p.broker, requestConsumerOffset, fields)
	if err != nil || !known {
		return oldest, err
	}
	return max(oldest, confirmed), nil
}

// behind counts the messages of the queues that a group has not confirmed.
func (s *survey) behind(ctx context.Context, group string, places ...place) (int64, error) {
	var total int64
	for _, p := range places {
		position, err := s.position(ctx, group, p)
		if err != nil {
			return 0, err
		}
		end, err := s.end(ctx, p)
		if err != nil {
			return 0, err
		}
		total += max(end-position, 0)
	}
	return total, nil
}

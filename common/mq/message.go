package mq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

const (
	// maxBody is maxMessageSize of MessageStoreConfig 5.3.3: the broker refuses a larger body.
	maxBody = 4 << 20
	// maxKey leaves the properties, 32767 bytes in all, room for others.
	maxKey = 1024
)

// propertyTxID carries the caller's own transaction id. The client's UNIQ_KEY will not do: it repeats when a process
// number does.
const propertyTxID = "BOXOFFICE_TX_ID"

// newMessage makes a message for topic. A message is made anew for every try: the client leaves marks on the one it has sent.
func (b *Bus) newMessage(ctx context.Context, topic, key string, body []byte) *primitive.Message {
	m := primitive.NewMessage(b.name(topic), body)
	if key != "" {
		m.WithKeys([]string{key})
	}
	if b.owner != "" {
		m.WithProperty(propertyOwner, b.owner)
	}
	injectTrace(ctx, m)
	return m
}

func encode[T any](topic Topic[T], key string, payload T) ([]byte, error) {
	if topic == "" {
		return nil, errors.New("topic is empty")
	}
	// The separators of properties are control characters, and a space separates keys.
	if len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, fmt.Errorf("key of %d bytes is too long or has spaces or control characters", len(key))
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("encode payload: %w", err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("payload of %d bytes is more than the broker takes", len(body))
	}
	return body, nil
}

// stripDelays takes off every property that would delay a message. The broker accepts a half message that has one,
// moves it to the delay queues and loses it there: it is neither delivered nor checked.
func stripDelays(m *primitive.Message) {
	for _, property := range []string{
		primitive.PropertyDelayTimeLevel, "TIMER_DELIVER_MS", "TIMER_DELAY_SEC", "TIMER_DELAY_MS",
	} {
		m.RemoveProperty(property)
	}
}

const (
	// tryTimeout bounds one send; the client has the same bound built in.
	tryTimeout = 3 * time.Second
	// maxCalls bounds the client calls in flight of one sender or transactor.
	maxCalls = 1024
)

// notSent wraps what the client said about a send. A refusal comes as text only ("CODE: 2, DESC: ..."); anything else
// is a matter of the connection, the route or time.
func notSent(err error) error {
	var code int
	if _, scanErr := fmt.Sscanf(err.Error(), "CODE: %d", &code); scanErr == nil && !passing(code) {
		return fmt.Errorf("%w: broker refused: %w", ErrNotSent, err)
	}
	return fmt.Errorf("%w: %w: %w", ErrNotSent, ErrUnavailable, err)
}

// passing tells the refusals that another try may outlive: SYSTEM_ERROR, SYSTEM_BUSY, SERVICE_NOT_AVAILABLE.
func passing(code int) bool { return code == 1 || code == 2 || code == 14 }

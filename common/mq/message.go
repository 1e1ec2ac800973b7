package mq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/common/idform"
)

const (
	// maxBody is maxMessageSize of MessageStoreConfig 5.3.3: the broker refuses a larger body.
	maxBody = 4 << 20
	// maxKey leaves the properties, 32767 bytes in all, room for others.
	maxKey = 1024
)

// propertyTxID holds the caller's own transaction id. The client library's UNIQ_KEY will not do: it repeats when a
// process id does.
const propertyTxID = "BOXOFFICE_TX_ID"

// newMessage makes a message for topic, with the namespace's owner and the trace of ctx. A message is made anew for
// every try: the client library leaves marks on the one that it has sent.
func newMessage(ctx context.Context, n namespace, topic, key string, body []byte) *primitive.Message {
	m := primitive.NewMessage(n.qualify(topic), body)
	if key != "" {
		m.WithKeys([]string{key})
	}
	n.setOwner(m)
	injectTraces(ctx, m)
	return m
}

// encode makes a message's body of payload, and fails for what the broker would refuse or misread.
func encode[T any](topic Topic[T], key string, payload T) ([]byte, error) {
	if topic == "" {
		return nil, errors.New("topic is empty")
	}
	// The separators of properties are control characters, and a space separates keys.
	if key != "" && !idform.IsVisibleASCII(key, maxKey) {
		return nil, fmt.Errorf("key of %d bytes is too long or not visible ASCII", len(key))
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

// removeDelays removes every property that would delay a message. The broker accepts a half message that has one, moves
// it to the delay queues and loses it there: it is neither delivered nor checked back.
func removeDelays(m *primitive.Message) {
	for _, property := range []string{
		primitive.PropertyDelayTimeLevel, "TIMER_DELIVER_MS", "TIMER_DELAY_SEC", "TIMER_DELAY_MS",
	} {
		m.RemoveProperty(property)
	}
}

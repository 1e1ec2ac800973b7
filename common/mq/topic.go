package mq

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// Topic is the name of a RocketMQ topic, and the type of the payload that travels on it as JSON, so that a sender and a
// handler cannot disagree.
type Topic[T any] string

// Decode reads a message's body. JSON names are matched to the letter, and none may come twice; unknown ones are a newer
// sender's, and are passed over.
func (t Topic[T]) Decode(body []byte) (payload T, err error) {
	if err := json.Unmarshal(body, &payload); err != nil {
		return payload, fmt.Errorf("decode payload of %s: %w", string(t), err)
	}
	return payload, nil
}

// DelayLevel is RocketMQ's 1-based index into the broker's messageDelayLevel list; 0 means no delay.
type DelayLevel int

// delayLevels returns RocketMQ's default messageDelayLevel list (MessageStoreConfig 5.3.3). Retries share it.
func delayLevels() []time.Duration {
	return []time.Duration{
		time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 5 * time.Minute,
		6 * time.Minute, 7 * time.Minute, 8 * time.Minute, 9 * time.Minute, 10 * time.Minute,
		20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
	}
}

// LevelFor returns the largest delay level that does not exceed d, and the first level for anything shorter. So a
// deadline is reached by a chain of levels (15 min = 10 min + 5 min), and is passed by less than a second.
func LevelFor(d time.Duration) DelayLevel {
	level := DelayLevel(1)
	for i, step := range delayLevels() {
		if step <= d {
			level = DelayLevel(i + 1)
		}
	}
	return level
}

// Duration is the delay of a level in the broker's default list. A level that is not in it is one of its ends, as the broker has
// it.
func (l DelayLevel) Duration() time.Duration {
	levels := delayLevels()
	if l < 1 {
		return 0
	}
	return levels[min(int(l), len(levels))-1]
}

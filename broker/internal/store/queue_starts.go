package store

import (
	"errors"
	"fmt"
)

// queueStart is one line of queues.json: where a queue begins after retention.
// Without it a queue whose messages are all deleted would begin at 0 again
// after a restart, below what its consumers have committed.
type queueStart struct {
	Topic  string `json:"topic"`
	Queue  int32  `json:"queue"`
	Lowest int64  `json:"lowest"`
}

var errQueueStart = errors.New("a queue cannot begin there")

func (s queueStart) validate() error {
	if s.Lowest < 0 {
		return fmt.Errorf("%w: %d", errQueueStart, s.Lowest)
	}
	return validQueue(s.Topic, s.Queue)
}

func loadQueueStarts(path string) ([]queueStart, error) {
	starts, err := loadJSON(path, "queues whose messages are all deleted then begin at 0 again", queueStart.validate)
	if err != nil {
		return nil, fmt.Errorf("load queue starts: %w", err)
	}
	return starts, nil
}

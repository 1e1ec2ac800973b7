package store

import (
	"errors"
	"fmt"
)

// deliverBatch is how many delayed messages are appended before the broker
// waits for the disk, so that a great many due at once do not fill its memory.
const deliverBatch = 512

// DeliverDue moves every delayed message that is due to its topic and returns
// when they can be pulled.
func (s *Store) DeliverDue() error {
	s.delivering.Lock()
	defer s.delivering.Unlock()
	for level := int32(1); level <= s.Delays.highest(); level++ {
		for more := true; more; {
			var err error
			if more, err = s.deliverSome(level); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliverSome delivers up to deliverBatch messages of a level and reports
// whether there may be more. What cannot be read or stored now waits.
func (s *Store) deliverSome(level int32) (more bool, err error) {
	results := make(chan error, deliverBatch)
	n := 0
	for n < deliverBatch {
		one, wait, ok := s.Delays.head(level, s.opt.nowMs)
		if !ok || wait > 0 {
			break
		}
		underWay, deliverErr := s.deliver(one, level, results)
		if deliverErr != nil {
			err = deliverErr
			break
		}
		s.Delays.delivered(level, one.offset)
		if underWay {
			n++
		}
	}
	for range n {
		err = errors.Join(err, <-results)
	}
	if err != nil {
		return false, fmt.Errorf("deliver level %d: %w", level, err)
	}
	return n == deliverBatch, nil
}

// deliver appends a delayed message to its topic and sends one result when it is
// on disk. A message that can never be delivered is logged, and not under way.
func (s *Store) deliver(one delayed, level int32, results chan<- error) (underWay bool, err error) {
	m, err := s.Load(one.offset)
	if err == nil {
		err = RealDestination(&m)
	}
	switch {
	case Unreadable(err), errors.Is(err, ErrNoRealTopic):
		s.opt.Log.Error("delayed message is lost", "offset", one.offset, "error", err)
		return false, nil
	case err != nil:
		return false, err
	}
	m.PreparedTransactionOffset = 0
	err = s.tryPut(&m, cause{kind: recordDelivered, source: one.offset, level: level}, func(_ Stored, err error) { results <- err })
	if errors.Is(err, ErrNoQueue) || errors.Is(err, ErrOversize) {
		s.opt.Log.Error("delayed message is lost", "offset", one.offset, "error", err)
		return false, nil
	}
	return err == nil, err
}

package broker

import (
	"errors"
	"fmt"
	"time"
)

// deliverBatch is how many delayed messages are appended before the broker
// waits for the disk, so that a great many due at once do not fill its memory.
const deliverBatch = 512

// scheduleTick bounds the sleep of the delivery loop: a clock that is not the
// real one may move without telling.
const scheduleTick = time.Second

// runSchedule delivers delayed messages when they are due, until the broker closes.
func (b *Broker) runSchedule() {
	defer b.wg.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-b.done:
			return
		case <-b.delays.kick:
		case <-timer.C:
		}
		err := b.deliverDue()
		b.report("deliver delayed messages", err)
		sleep := scheduleTick
		if wait, ok := b.delays.next(b.nowMs); ok && err == nil {
			sleep = min(sleep, max(time.Duration(wait)*time.Millisecond, time.Millisecond))
		}
		timer.Reset(sleep)
	}
}

// deliverDue moves every delayed message that is due to its topic and returns
// when they can be pulled.
func (b *Broker) deliverDue() error {
	b.delivering.Lock()
	defer b.delivering.Unlock()
	for level := int32(1); level <= b.delays.highest(); level++ {
		for more := true; more; {
			var err error
			if more, err = b.deliverSome(level); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliverSome delivers up to deliverBatch messages of a level and reports
// whether there may be more. What cannot be read or stored now waits.
func (b *Broker) deliverSome(level int32) (more bool, err error) {
	results := make(chan error, deliverBatch)
	n := 0
	for n < deliverBatch {
		one, wait, ok := b.delays.head(level, b.nowMs)
		if !ok || wait > 0 {
			break
		}
		underWay, deliverErr := b.deliver(one, level, results)
		if deliverErr != nil {
			err = deliverErr
			break
		}
		b.delays.delivered(level, one.offset)
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
func (b *Broker) deliver(one delayed, level int32, results chan<- error) (underWay bool, err error) {
	m, err := b.load(one.offset)
	if err == nil {
		err = realDestination(&m)
	}
	switch {
	case unreadable(err), errors.As(err, new(*refusal)):
		b.log.Error("delayed message is lost", "offset", one.offset, "error", err)
		return false, nil
	case err != nil:
		return false, err
	}
	m.PreparedTransactionOffset = 0
	err = b.tryPut(&m, cause{kind: recordDelivered, source: one.offset, level: level}, func(_ stored, err error) { results <- err })
	if errors.Is(err, errNoQueue) || errors.Is(err, errOversize) {
		b.log.Error("delayed message is lost", "offset", one.offset, "error", err)
		return false, nil
	}
	return err == nil, err
}

// scheduleConfig is the topic on which delayed messages wait, a queue per level.
func scheduleConfig(levels int) topicConfig {
	n := int32(levels)
	return topicConfig{Name: topicSchedule, ReadQueues: n, WriteQueues: n, Perm: permRead | permWrite}
}

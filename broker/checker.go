package broker

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"boxoffice/broker/internal/remoting"
)

// checkTick bounds the sleep between looks at the check interval, for clocks
// that move without telling.
const checkTick = 200 * time.Millisecond

// checkBatch is how many half messages are checked before the broker waits for
// the disk.
const checkBatch = 256

// checker asks producers about half messages that stay open too long
// (TransactionalMessageCheckService).
type checker struct {
	mu   sync.Mutex // one pass at a time
	last int64      // broker time of the last pass, Unix ms
}

// runChecker makes a pass whenever the check interval has passed.
func (b *Broker) runChecker() {
	defer b.wg.Done()
	tick := time.NewTicker(max(min(checkTick, b.opt.checkInterval/2), time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-b.done:
			return
		case <-tick.C:
			b.report("check transactions", b.checkIfDue())
		}
	}
}

func (b *Broker) checkIfDue() error {
	b.checker.mu.Lock()
	defer b.checker.mu.Unlock()
	if b.nowMs()-b.checker.last < b.opt.checkInterval.Milliseconds() {
		return nil
	}
	return b.checkLocked()
}

// checkPass makes one pass over the half messages that are old enough.
func (b *Broker) checkPass() error {
	b.checker.mu.Lock()
	defer b.checker.mu.Unlock()
	return b.checkLocked()
}

func (b *Broker) checkLocked() error {
	b.checker.last = b.nowMs()
	due := b.halves.due(b.nowMs, b.opt.checkAfter.Milliseconds())
	for len(due) > 0 {
		n := min(len(due), checkBatch)
		if err := b.checkSome(due[:n]); err != nil {
			return err
		}
		due = due[n:]
	}
	return nil
}

// checkSome counts a check of each of these half messages, or gives it up,
// and sends the checks when all that is on disk: a broker that crashes again
// and again does not ask for ever.
func (b *Broker) checkSome(due []half) error {
	results := make(chan error, len(due))
	asked := make([]half, 0, len(due))
	for _, one := range due {
		if one.checks >= b.opt.checkMax {
			b.giveUp(one, results)
			continue
		}
		one.checks++
		if b.countCheck(one, results) {
			asked = append(asked, one)
		}
	}
	var err error
	for range due {
		err = errors.Join(err, <-results)
	}
	if err != nil {
		return fmt.Errorf("check half messages: %w", err)
	}
	for _, one := range asked {
		b.sendCheck(one)
	}
	return nil
}

// countCheck reports whether the half is still open; if so its number of
// checks is on its way to the disk. It sends one result in either case.
func (b *Broker) countCheck(one half, results chan<- error) bool {
	if !b.halves.checked(one.offset, one.checks) {
		results <- nil // committed or rolled back meanwhile
		return false
	}
	_, end, err := b.journal.Append(func(dst []byte, _ int64) []byte {
		return recordCheck(dst, one.offset, b.nowMs(), one.checks)
	})
	if err != nil {
		results <- err
		return false
	}
	b.journal.OnDurable(end, func(err error) { results <- err })
	return true
}

// giveUp moves a half message that was checked too often to
// TRANS_CHECK_MAX_TIME_TOPIC, where operators find it
// (DefaultTransactionalMessageCheckListener.resolveDiscardMsg).
func (b *Broker) giveUp(one half, results chan<- error) {
	if _, open := b.halves.find(one.offset); !open {
		results <- nil
		return
	}
	m, err := b.load(one.offset)
	if err != nil {
		results <- err
		return
	}
	m.Topic, m.QueueID = topicCheckedOut, 0
	m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyTransactionCheckTimes, strconv.Itoa(int(one.checks)))
	b.put(&m, cause{kind: recordFinished, source: one.offset}, func(_ stored, err error) { results <- err })
}

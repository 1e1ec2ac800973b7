package broker

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"boxoffice/broker/remoting"
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
	last time.Time  // of the last pass, by the broker's clock
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
	if b.Now().Sub(b.checker.last) < b.opt.checkInterval {
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
	b.checker.last = b.Now()
	var failed error
	for due := range slices.Chunk(b.halves.due(b.nowMs, b.opt.checkAfter.Milliseconds()), checkBatch) {
		failed = errors.Join(failed, b.checkSome(due))
	}
	return failed
}

// checkResult is what became of a half message that was due.
type checkResult struct {
	half half
	ask  bool // its check is counted, on disk, and to be sent
	err  error
}

// checkSome counts a check of each of these half messages, or gives it up, and
// sends each check when its count is on disk: a broker that crashes again and
// again does not ask for ever. What fails for one of them is no other's.
func (b *Broker) checkSome(due []half) error {
	results := make(chan checkResult, len(due))
	for _, one := range due {
		if one.checks >= b.opt.checkMax {
			b.giveUp(one, results)
			continue
		}
		one.checks++
		b.countCheck(one, results)
	}
	var failed error
	for range due {
		switch r := <-results; {
		case r.err != nil:
			failed = errors.Join(failed, fmt.Errorf("check half message at %d: %w", r.half.offset, r.err))
		case r.ask:
			b.sendCheck(r.half)
		}
	}
	return failed
}

// countCheck puts the number of checks of a half that is still open on the disk.
// It sends one result, then or later.
func (b *Broker) countCheck(one half, results chan<- checkResult) {
	before, open := b.halves.find(one.offset)
	if !open {
		results <- checkResult{half: one} // committed or rolled back meanwhile
		return
	}
	_, end, err := b.journal.Append(func(dst []byte, _ int64) []byte {
		b.halves.checked(one.offset, one.checks)
		return recordCheck(dst, one.offset, b.nowMs(), one.checks)
	})
	if err != nil {
		b.halves.checked(one.offset, before.checks)
		results <- checkResult{half: one, err: err}
		return
	}
	b.journal.OnDurable(end, func(err error) { results <- checkResult{half: one, ask: true, err: err} })
}

// giveUp moves a half message that was checked too often to
// TRANS_CHECK_MAX_TIME_TOPIC, where operators find it
// (DefaultTransactionalMessageCheckListener.resolveDiscardMsg). It sends one
// result, then or later.
func (b *Broker) giveUp(one half, results chan<- checkResult) {
	if _, open := b.halves.find(one.offset); !open {
		results <- checkResult{half: one}
		return
	}
	m, err := b.load(one.offset)
	if unreadable(err) {
		b.log.Error("half message is lost", "offset", one.offset, "error", err)
		results <- checkResult{half: one, err: b.forget(one.offset)}
		return
	}
	if err != nil {
		results <- checkResult{half: one, err: err}
		return
	}
	m.Topic, m.QueueID = topicCheckedOut, 0
	m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyTransactionCheckTimes, strconv.Itoa(int(one.checks)))
	b.put(&m, cause{kind: recordFinished, source: one.offset}, func(_ stored, err error) { results <- checkResult{half: one, err: err} })
}

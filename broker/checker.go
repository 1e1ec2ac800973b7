package broker

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"boxoffice/broker/internal/store"
	"boxoffice/broker/remoting"
)

// checkBatch is how many half messages are checked before the broker waits for
// the disk.
const checkBatch = 256

// checkTick bounds the sleep between looks at the check interval, for clocks that
// move without telling.
const checkTick = 200 * time.Millisecond

// checkTransactions makes a pass of check-backs whenever the check interval has passed.
func (b *Broker) checkTransactions() {
	b.every(max(min(checkTick, b.opt.checkInterval/2), time.Millisecond), func(time.Time) {
		b.failures.report("check transactions", b.checkIfDue())
	})
}

func (b *Broker) checkIfDue() error {
	b.checking.Lock()
	defer b.checking.Unlock()
	if b.Now().Sub(b.checkedAt) < b.opt.checkInterval {
		return nil
	}
	return b.checkLocked()
}

// checkPass makes one pass over the half messages that are old enough.
func (b *Broker) checkPass() error {
	b.checking.Lock()
	defer b.checking.Unlock()
	return b.checkLocked()
}

func (b *Broker) checkLocked() error {
	b.checkedAt = b.Now()
	var failed error
	for due := range slices.Chunk(b.store.Halves.Due(b.nowMs, b.opt.checkAfter.Milliseconds()), checkBatch) {
		failed = errors.Join(failed, b.checkSome(due))
	}
	return failed
}

// checkResult is what became of a half message that was due.
type checkResult struct {
	half store.Half
	ask  bool // its check is counted, on disk, and to be sent
	err  error
}

// checkSome counts a check of each of these half messages, or gives it up, and
// sends each check when its count is on disk: a broker that crashes again and
// again does not ask for ever. What fails for one of them is no other's.
func (b *Broker) checkSome(due []store.Half) error {
	results := make(chan checkResult, len(due))
	for _, one := range due {
		if one.Checks >= b.opt.checkMax {
			b.giveUp(one, results)
			continue
		}
		one.Checks++
		b.store.CountCheck(one.Offset, one.Checks, func(open bool, err error) {
			results <- checkResult{half: one, ask: open, err: err}
		})
	}
	var failed error
	for range due {
		switch r := <-results; {
		case r.err != nil:
			failed = errors.Join(failed, fmt.Errorf("check half message at %d: %w", r.half.Offset, r.err))
		case r.ask:
			b.sendCheck(r.half)
		}
	}
	return failed
}

// giveUp moves a half message that was checked too often to
// TRANS_CHECK_MAX_TIME_TOPIC, where operators find it
// (DefaultTransactionalMessageCheckListener.resolveDiscardMsg). It sends one
// result, then or later.
func (b *Broker) giveUp(one store.Half, results chan<- checkResult) {
	if _, open := b.store.Halves.Find(one.Offset); !open {
		results <- checkResult{half: one}
		return
	}
	m, err := b.store.Load(one.Offset)
	if store.Unreadable(err) {
		b.log.Error("half message is lost", "offset", one.Offset, "error", err)
		b.store.Rollback(one.Offset, func(err error) { results <- checkResult{half: one, err: err} })
		return
	}
	if err != nil {
		results <- checkResult{half: one, err: err}
		return
	}
	m.Topic, m.QueueID = store.CheckedOutTopic, 0
	m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyTransactionCheckTimes, strconv.Itoa(int(one.Checks)))
	b.store.FinishHalf(one.Offset, &m, func(err error) { results <- checkResult{half: one, err: err} })
}

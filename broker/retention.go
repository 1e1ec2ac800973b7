package broker

import (
	"errors"
	"fmt"
	"os"
	"time"

	"boxoffice/broker/internal/commitlog"
)

// retentionTick is how often old segments are looked for (cleanResourceInterval).
const retentionTick = 10 * time.Second

// runRetention applies retention until the broker closes.
func (b *Broker) runRetention() {
	defer b.wg.Done()
	tick := time.NewTicker(retentionTick)
	defer tick.Stop()
	for {
		select {
		case <-b.done:
			return
		case <-tick.C:
			b.report("apply retention", b.applyRetention())
		}
	}
}

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

// applyRetention deletes whole segments that are too old or too many, oldest
// first, and stops at the first one that holds a half message whose
// transaction is open or a delayed message that waits.
func (b *Broker) applyRetention() error {
	b.retaining.Lock()
	defer b.retaining.Unlock()
	limit, err := b.retentionLimit()
	if err != nil || limit <= b.journal.First() {
		return err
	}
	starts := b.queueStarts(limit)
	if err := b.saveFromReserve(starts); err != nil {
		return fmt.Errorf("save queue starts: %w", err)
	}
	// Consumers are told first that the messages are gone, then they go.
	for _, s := range starts {
		if q := b.topics.queue(s.Topic, s.Queue); q != nil {
			q.trim(s.Lowest)
		}
	}
	n, err := b.journal.DeleteBefore(limit)
	if err != nil {
		return fmt.Errorf("delete segments: %w", err)
	}
	b.log.Info("deleted old log segments", "segments", n, "before", limit)
	return b.keepReserve()
}

// reserveBytes is more than queues.json takes.
const reserveBytes = 1 << 20

// saveFromReserve saves queues.json, on a full disk in the room of a file that
// is kept for that: nothing may be deleted before it is saved, and deleting is
// what makes room.
func (b *Broker) saveFromReserve(starts []queueStart) error {
	err := saveJSON(b.path("queues.json"), starts)
	if err == nil {
		return nil
	}
	if removeErr := os.Remove(b.path("reserve")); removeErr != nil {
		return errors.Join(err, removeErr)
	}
	return saveJSON(b.path("queues.json"), starts)
}

// keepReserve makes the file of saveFromReserve where there is none.
func (b *Broker) keepReserve() error {
	if b.tempDir {
		return nil
	}
	if info, err := os.Stat(b.path("reserve")); err == nil && info.Size() == reserveBytes {
		return nil
	}
	if err := writeSynced(b.path("reserve"), make([]byte, reserveBytes)); err != nil {
		return fmt.Errorf("keep a reserve: %w", err)
	}
	return nil
}

// retentionLimit is the physical offset before which everything may go.
func (b *Broker) retentionLimit() (int64, error) {
	segments := b.journal.Segments()
	total := b.journal.End() - b.journal.First()
	oldest := b.nowMs() - b.opt.retainAge.Milliseconds()
	limit := b.journal.First()
	for i := 0; i+1 < len(segments); i++ {
		next := segments[i+1].First
		// Times grow with offsets: a segment is as old as what comes after it.
		at, err := b.storedAt(next)
		if err != nil {
			return limit, fmt.Errorf("read age of segment: %w", err)
		}
		tooOld := b.opt.retainAge > 0 && at < oldest
		tooMuch := b.opt.retainBytes > 0 && total-(limit-b.journal.First()) > b.opt.retainBytes
		if !tooOld && !tooMuch {
			break
		}
		limit = next
	}
	if o, ok := b.halves.oldest(); ok {
		limit = min(limit, o)
	}
	if o, ok := b.delays.oldest(); ok {
		limit = min(limit, o)
	}
	return segmentStart(segments, limit), nil
}

// storedAt is the store time of the record at an offset, now if there is none yet.
func (b *Broker) storedAt(offset int64) (int64, error) {
	if offset >= b.journal.End() {
		return b.nowMs(), nil
	}
	payload, err := b.journal.Read(offset)
	if err != nil {
		return 0, err
	}
	r, err := parseRecord(payload)
	return r.at, err
}

func (b *Broker) queueStarts(limit int64) []queueStart {
	var starts []queueStart
	for _, t := range b.topics.all() {
		for _, q := range t.queues {
			if lowest := q.lowestNotBefore(limit); lowest > 0 {
				starts = append(starts, queueStart{t.Name, q.id, lowest})
			}
		}
	}
	return starts
}

// segmentStart is where the segment that holds an offset begins.
func segmentStart(segments []commitlog.Segment, offset int64) int64 {
	start := segments[0].First
	for _, s := range segments {
		if s.First <= offset {
			start = s.First
		}
	}
	return start
}

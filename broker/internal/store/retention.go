package store

import (
	"errors"
	"fmt"
	"os"

	"boxoffice/broker/internal/commitlog"
)

// ApplyRetention deletes whole segments that are too old or too many, oldest
// first, and stops at the first one that holds a half message whose
// transaction is open or a delayed message that waits.
func (s *Store) ApplyRetention() error {
	s.retaining.Lock()
	defer s.retaining.Unlock()
	limit, err := s.retentionLimit()
	if err != nil || limit <= s.journal.First() {
		return err
	}
	starts := s.queueStarts(limit)
	if err := s.saveFromReserve(starts); err != nil {
		return fmt.Errorf("save queue starts: %w", err)
	}
	// Consumers are told first that the messages are gone, then they go.
	for _, start := range starts {
		if q := s.Topics.Queue(start.Topic, start.Queue); q != nil {
			q.trim(start.Lowest)
		}
	}
	n, err := s.journal.DeleteBefore(limit)
	if err != nil {
		return fmt.Errorf("delete segments: %w", err)
	}
	s.opt.Log.Info("deleted old log segments", "segments", n, "before", limit)
	return s.KeepReserve()
}

// reserveBytes is more than queues.json takes.
const reserveBytes = 1 << 20

// saveFromReserve saves queues.json, on a full disk in the room of a file that
// is kept for that: nothing may be deleted before it is saved, and deleting is
// what makes room.
func (s *Store) saveFromReserve(starts []queueStart) error {
	err := saveJSON(s.opt.path("queues.json"), starts)
	if err == nil {
		return nil
	}
	if removeErr := os.Remove(s.opt.path("reserve")); removeErr != nil {
		return errors.Join(err, removeErr)
	}
	return saveJSON(s.opt.path("queues.json"), starts)
}

// KeepReserve makes the file of saveFromReserve where there is none.
func (s *Store) KeepReserve() error {
	if !s.opt.KeepReserve {
		return nil
	}
	if info, err := os.Stat(s.opt.path("reserve")); err == nil && info.Size() == reserveBytes {
		return nil
	}
	if err := writeSynced(s.opt.path("reserve"), make([]byte, reserveBytes)); err != nil {
		return fmt.Errorf("keep a reserve: %w", err)
	}
	return nil
}

// retentionLimit is the physical offset before which everything may go.
func (s *Store) retentionLimit() (int64, error) {
	segments := s.journal.Segments()
	total := s.journal.End() - s.journal.First()
	oldest := s.opt.nowMs() - s.opt.RetainAge.Milliseconds()
	limit := s.journal.First()
	for i := 0; i+1 < len(segments); i++ {
		next := segments[i+1].First
		// Times grow with offsets: a segment is as old as what comes after it.
		at, err := s.storedAt(next)
		if err != nil {
			return limit, fmt.Errorf("read age of segment: %w", err)
		}
		tooOld := s.opt.RetainAge > 0 && at < oldest
		tooMuch := s.opt.RetainBytes > 0 && total-(limit-s.journal.First()) > s.opt.RetainBytes
		if !tooOld && !tooMuch {
			break
		}
		limit = next
	}
	if o, ok := s.Halves.oldest(); ok {
		limit = min(limit, o)
	}
	if o, ok := s.Delays.oldest(); ok {
		limit = min(limit, o)
	}
	return segmentStart(segments, limit), nil
}

// storedAt is the store time of the record at an offset, now if there is none yet.
func (s *Store) storedAt(offset int64) (int64, error) {
	if offset >= s.journal.End() {
		return s.opt.nowMs(), nil
	}
	payload, err := s.journal.Read(offset)
	if err != nil {
		return 0, err
	}
	r, err := parseRecord(payload)
	return r.at, err
}

func (s *Store) queueStarts(limit int64) []queueStart {
	var starts []queueStart
	for _, t := range s.Topics.All() {
		for _, q := range t.Queues {
			if lowest := q.LowestNotBefore(limit); lowest > 0 {
				starts = append(starts, queueStart{t.Name, q.ID, lowest})
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

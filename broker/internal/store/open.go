package store

import (
	"errors"
	"fmt"

	"boxoffice/broker/internal/commitlog"
	"boxoffice/broker/remoting"
)

// Open opens the directory, which must exist, and brings the store to where its
// log ends: side files first, then every record in order.
func Open(opt Options) (*Store, error) {
	s := &Store{
		Topics: newTopics(opt.path("topics.json")), Offsets: newOffsets(opt.path("offsets.json")),
		Halves: newHalves(), Delays: newDelays(opt.DelayLevels), opt: opt,
	}
	s.Topics.define(OpenTopic(HalfTopic, 1))
	s.Topics.define(OpenTopic(CheckedOutTopic, 1))
	s.Topics.define(OpenTopic(TemplateTopic, TemplateQueues))
	if err := s.Topics.load(); err != nil {
		return nil, err
	}
	// After load: the levels of this run count, not those of the last.
	s.Topics.define(OpenTopic(ScheduleTopic, int32(len(opt.DelayLevels))))
	if err := s.Offsets.load(); err != nil {
		return nil, err
	}
	starts, err := loadQueueStarts(opt.path("queues.json"))
	if err != nil {
		return nil, err
	}
	for _, start := range starts {
		s.knownQueue(start.Topic, start.Queue).startAt(start.Lowest)
	}
	s.journal, err = commitlog.Open(commitlog.Options{
		Dir: opt.path("log"), SegmentBytes: opt.SegmentBytes, NoSync: opt.NoSync,
		MaxRecordBytes: MaxBody + MaxProperties + 4096, CutDamage: opt.CutDamage,
		OpenFile: opt.OpenFile,
	}, s.replay)
	var note *commitlog.NoteError
	if errors.As(err, &note) {
		return nil, &SideFileError{Path: note.File, Without: "damage at the very end of the log then passes for what a crash has torn", Cause: err}
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if n := s.journal.TornBytes(); n > 0 {
		opt.Log.Warn("cut off the end of the log", "bytes", n, "at", s.journal.End(), "damaged", opt.CutDamage)
	}
	s.clampOffsets()
	return s, nil
}

// clampOffsets brings groups back to the ends of their queues, and says so.
func (s *Store) clampOffsets() {
	end := func(topic string, queue int32) (end int64, known bool) {
		q := s.Topics.Queue(topic, queue)
		if q == nil {
			return 0, false
		}
		return q.nextOffset(), true
	}
	const namedMax = 10
	changed := s.Offsets.clamp(end)
	for _, row := range changed[:min(len(changed), namedMax)] {
		now, _ := end(row.Topic, row.Queue)
		s.opt.Log.Warn("a consumer group was beyond the end of a queue, and goes on from there",
			"group", row.Group, "topic", row.Topic, "queue", row.Queue, "was", row.Offset, "end", now, "all", len(changed))
	}
}

// knownQueue returns a queue that the log or a side file names. Its topic may
// be missing from topics.json only when that file was lost.
func (s *Store) knownQueue(topic string, id int32) *Queue {
	if q := s.Topics.Queue(topic, id); q != nil {
		return q
	}
	s.Topics.define(OpenTopic(topic, id+1))
	return s.Topics.Queue(topic, id)
}

// replay applies one log record to the state.
func (s *Store) replay(offset int64, payload []byte) error {
	r, err := parseRecord(payload)
	if err != nil {
		return fmt.Errorf("replay record at %d: %w", offset, err)
	}
	switch r.kind {
	case recordRolledBack:
		s.Halves.finish(r.source)
		return nil
	case recordChecked:
		s.Halves.checked(r.source, r.checks)
		return nil
	}
	m, _, err := remoting.DecodeMessage(r.message)
	if err != nil {
		return fmt.Errorf("replay message at %d: %w", offset, err)
	}
	if m.QueueID < 0 || m.QueueID >= MaxQueues || r.kind == recordDelivered && (r.level < 1 || r.level > MaxQueues) {
		return fmt.Errorf("replay message at %d: queue %d: %w", offset, m.QueueID, errRecord)
	}
	s.knownQueue(m.Topic, m.QueueID).restore(m.QueueOffset, Entry{Offset: offset, Tag: tagOf(m.Properties)})
	s.track(&m, r.cause)
	if r.kind == recordDelivered {
		s.Delays.delivered(r.level, r.source)
	}
	return nil
}

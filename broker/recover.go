package broker

import (
	"errors"
	"fmt"

	"boxoffice/broker/internal/commitlog"
	"boxoffice/broker/remoting"
)

// recoverState opens the data directory and brings the broker's state to
// where the log ends: side files first, then every record in order.
func (b *Broker) recoverState() error {
	b.topics.define(topicConfig{Name: topicHalf, ReadQueues: 1, WriteQueues: 1, Perm: permRead | permWrite})
	b.topics.define(topicConfig{Name: topicCheckedOut, ReadQueues: 1, WriteQueues: 1, Perm: permRead | permWrite})
	b.topics.define(topicConfig{Name: topicTemplate, ReadQueues: templateQueues, WriteQueues: templateQueues, Perm: permRead | permWrite})
	if err := b.topics.load(); err != nil {
		return err
	}
	// After load: the levels of this run count, not those of the last.
	b.topics.define(scheduleConfig(len(b.opt.delayLevels)))
	if err := b.offsets.load(); err != nil {
		return err
	}
	starts, err := loadJSON(b.path("queues.json"), "queues whose messages are all deleted then begin at 0 again", queueStart.validate)
	if err != nil {
		return fmt.Errorf("load queue starts: %w", err)
	}
	for _, s := range starts {
		b.knownQueue(s.Topic, s.Queue).startAt(s.Lowest)
	}
	journal, err := commitlog.Open(commitlog.Options{
		Dir: b.path("log"), SegmentBytes: b.opt.segmentBytes, NoSync: b.opt.noSync,
		MaxRecordBytes: maxBody + maxProperties + 4096, CutDamage: b.opt.cutDamage,
		OpenFile: b.opt.openFile,
	}, b.replay)
	var damage *commitlog.CorruptError
	if errors.As(err, &damage) && damage.Behind > 0 {
		return &DamageError{File: damage.File, Bytes: damage.Behind, Cause: err}
	}
	var note *commitlog.NoteError
	if errors.As(err, &note) {
		return &SideFileError{Path: note.File, Without: "damage at the very end of the log then passes for what a crash has torn", Cause: err}
	}
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	b.journal = journal
	if n := journal.TornBytes(); n > 0 {
		b.log.Warn("cut off the end of the log", "bytes", n, "at", journal.End(), "damaged", b.opt.cutDamage)
	}
	b.clampOffsets()
	return nil
}

// clampOffsets brings groups back to the ends of their queues, and says so.
func (b *Broker) clampOffsets() {
	end := func(topic string, queue int32) (end int64, known bool) {
		q := b.topics.queue(topic, queue)
		if q == nil {
			return 0, false
		}
		return q.nextOffset(), true
	}
	const namedMax = 10
	changed := b.offsets.clamp(end)
	for _, row := range changed[:min(len(changed), namedMax)] {
		now, _ := end(row.Topic, row.Queue)
		b.log.Warn("a consumer group was beyond the end of a queue, and goes on from there",
			"group", row.Group, "topic", row.Topic, "queue", row.Queue, "was", row.Offset, "end", now, "all", len(changed))
	}
}

// IsFull tells whether New has failed because a disk, a quota or the table of open files is full.
func IsFull(err error) bool { return commitlog.IsFull(err) }

// IsLocked tells whether New has failed because another process, or another Broker, uses the directory of the log.
func IsLocked(err error) bool { return errors.Is(err, commitlog.ErrLocked) }

// DamageError says that the log is damaged where a crash cannot have damaged it,
// so that messages which were acknowledged are lost. WithCutDamage goes on
// without them.
type DamageError struct {
	File  string
	Bytes int64 // from the damage to the end of its file, which would be given up with all later files
	Cause error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("the message log is damaged in %s, and %d bytes from there on would be lost: "+
		"bring the data directory back from a backup, or give them up (%v)",
		e.File, e.Bytes, e.Cause)
}

// Unwrap returns the log's own words.
func (e *DamageError) Unwrap() error { return e.Cause }

// templateQueues is the number of queues of TBW102 (defaultTopicQueueNums).
const templateQueues = 8

// knownQueue returns a queue that the log or a side file names. Its topic may
// be missing from topics.json only when that file was lost.
func (b *Broker) knownQueue(topic string, id int32) *queue {
	if q := b.topics.queue(topic, id); q != nil {
		return q
	}
	b.topics.define(topicConfig{Name: topic, ReadQueues: id + 1, WriteQueues: id + 1, Perm: permRead | permWrite})
	return b.topics.queue(topic, id)
}

// replay applies one log record to the state.
func (b *Broker) replay(offset int64, payload []byte) error {
	r, err := parseRecord(payload)
	if err != nil {
		return fmt.Errorf("replay record at %d: %w", offset, err)
	}
	switch r.kind {
	case recordRolledBack:
		b.halves.finish(r.source)
		return nil
	case recordChecked:
		b.halves.checked(r.source, r.checks)
		return nil
	}
	m, _, err := remoting.DecodeMessage(r.message)
	if err != nil {
		return fmt.Errorf("replay message at %d: %w", offset, err)
	}
	if m.QueueID < 0 || m.QueueID >= maxQueuesPerTopic || r.kind == recordDelivered && (r.level < 1 || r.level > maxQueuesPerTopic) {
		return fmt.Errorf("replay message at %d: queue %d: %w", offset, m.QueueID, errRecord)
	}
	b.knownQueue(m.Topic, m.QueueID).restore(m.QueueOffset, entry{offset: offset, tag: tagOf(m.Properties)})
	b.track(&m, r.cause)
	if r.kind == recordDelivered {
		b.delays.delivered(r.level, r.source)
	}
	return nil
}

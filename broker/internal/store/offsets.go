package store

import (
	"fmt"
	"strings"
	"sync"
)

// maxOffsetQueues bounds the committed offsets a broker keeps, so that made-up
// group names cannot fill its memory.
const maxOffsetQueues = 1_000_000

// Consumed names one queue as one consumer group sees it.
type Consumed struct {
	Group string
	Topic string
	Queue int32
}

// offsetRow is one line of offsets.json.
type offsetRow struct {
	Group  string `json:"group"`
	Topic  string `json:"topic"`
	Queue  int32  `json:"queue"`
	Offset int64  `json:"offset"`
}

// Offsets holds how far each group has Consumed each queue. It goes to disk
// every few seconds and on Close, as the real broker does, so a crash makes
// consumers see some messages again and never skips one.
type Offsets struct {
	path string

	mu        sync.Mutex
	committed map[Consumed]int64
	dirty     bool
}

func newOffsets(path string) *Offsets {
	return &Offsets{path: path, committed: make(map[Consumed]int64)}
}

// Commit says that a group has consumed a queue up to an offset; one below 0 is none.
func (o *Offsets) Commit(group string, q *Queue, offset int64) {
	if offset < 0 {
		return
	}
	key := Consumed{strings.Clone(group), q.Topic, q.ID}
	o.mu.Lock()
	defer o.mu.Unlock()
	old, known := o.committed[key]
	if known && old == offset || !known && len(o.committed) >= maxOffsetQueues {
		return
	}
	o.committed[key] = offset
	o.dirty = true
}

// Query returns how far a group has consumed a queue, if it is known.
func (o *Offsets) Query(key Consumed) (offset int64, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	offset, known = o.committed[key]
	return offset, known
}

// Save writes the offsets if any has changed since they were last written.
func (o *Offsets) Save() error {
	o.mu.Lock()
	if !o.dirty {
		o.mu.Unlock()
		return nil
	}
	rows := make([]offsetRow, 0, len(o.committed))
	for key, offset := range o.committed {
		rows = append(rows, offsetRow{key.Group, key.Topic, key.Queue, offset})
	}
	o.dirty = false
	o.mu.Unlock()
	if err := saveJSON(o.path, rows); err != nil {
		o.mu.Lock()
		o.dirty = true
		o.mu.Unlock()
		return fmt.Errorf("save offsets: %w", err)
	}
	return nil
}

func (o *Offsets) load() error {
	rows, err := loadJSON(o.path, "every group then gets again what the log still has", offsetRow.validate)
	if err != nil {
		return fmt.Errorf("load offsets: %w", err)
	}
	for _, row := range rows {
		o.committed[Consumed{row.Group, row.Topic, row.Queue}] = row.Offset
	}
	return nil
}

func (r offsetRow) validate() error { return validQueue(r.Topic, r.Queue) }

// clamp brings offsets beyond a queue's end back to it: a log that has lost its
// end gives the same offsets to other messages, and no group may pass these over.
// It returns what it has changed, as it was.
func (o *Offsets) clamp(end func(topic string, queue int32) (int64, bool)) (changed []offsetRow) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, offset := range o.committed {
		limit, known := end(key.Topic, key.Queue)
		if clamped := min(max(offset, 0), limit); known && clamped != offset {
			o.committed[key] = clamped
			o.dirty = true
			changed = append(changed, offsetRow{key.Group, key.Topic, key.Queue, offset})
		}
	}
	return changed
}

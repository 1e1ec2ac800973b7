package broker

import (
	"fmt"
	"sync"
)

// maxOffsetQueues bounds the committed offsets a broker keeps, so that made-up
// group names cannot fill its memory.
const maxOffsetQueues = 1_000_000

// consumed names one queue as one consumer group sees it.
type consumed struct {
	group string
	topic string
	queue int32
}

// offsetRow is one line of offsets.json.
type offsetRow struct {
	Group  string `json:"group"`
	Topic  string `json:"topic"`
	Queue  int32  `json:"queue"`
	Offset int64  `json:"offset"`
}

// offsets holds how far each group has consumed each queue. It goes to disk
// every few seconds and on Close, as the real broker does, so a crash makes
// consumers see some messages again and never skips one.
type offsets struct {
	path string

	mu        sync.Mutex
	committed map[consumed]int64
	dirty     bool
}

func newOffsets(path string) *offsets {
	return &offsets{path: path, committed: make(map[consumed]int64)}
}

func (o *offsets) commit(key consumed, offset int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old, known := o.committed[key]
	if known && old == offset || !known && len(o.committed) >= maxOffsetQueues {
		return
	}
	o.committed[key] = offset
	o.dirty = true
}

func (o *offsets) query(key consumed) (offset int64, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	offset, known = o.committed[key]
	return offset, known
}

// save writes the offsets if any has changed since they were last written.
func (o *offsets) save() error {
	o.mu.Lock()
	if !o.dirty {
		o.mu.Unlock()
		return nil
	}
	rows := make([]offsetRow, 0, len(o.committed))
	for key, offset := range o.committed {
		rows = append(rows, offsetRow{key.group, key.topic, key.queue, offset})
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

func (o *offsets) load() error {
	rows, err := loadJSON(o.path, "every group then gets again what the log still has", offsetRow.validate)
	if err != nil {
		return fmt.Errorf("load offsets: %w", err)
	}
	for _, row := range rows {
		o.committed[consumed{row.Group, row.Topic, row.Queue}] = row.Offset
	}
	return nil
}

func (r offsetRow) validate() error { return validQueue(r.Topic, r.Queue) }

// clamp brings offsets beyond a queue's end back to it: a log that has lost its
// end gives the same offsets to other messages, and no group may pass these over.
// It returns what it has changed, as it was.
func (o *offsets) clamp(end func(topic string, queue int32) (int64, bool)) (changed []offsetRow) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, offset := range o.committed {
		limit, known := end(key.topic, key.queue)
		if clamped := min(max(offset, 0), limit); known && clamped != offset {
			o.committed[key] = clamped
			o.dirty = true
			changed = append(changed, offsetRow{key.group, key.topic, key.queue, offset})
		}
	}
	return changed
}

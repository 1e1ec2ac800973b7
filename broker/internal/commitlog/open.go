package commitlog

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// Open opens or creates the log in o.Dir and calls replay for every record in
// order, if it is not nil; the payload is only valid during the call, and an
// error from it ends Open. Every checksum is verified. What a crash left behind
// the last whole record is cut off (TornBytes); damage, which is what a later
// batch or segment stands behind, is a CorruptError and changes nothing.
// ErrLocked when the directory is in use.
func Open(o Options, replay func(offset int64, payload []byte) error) (*Log, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if replay == nil {
		replay = func(int64, []byte) error { return nil }
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create log directory: %w", err)
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	l := &Log{
		options: o, lock: lock, flushed: make(chan struct{}), failed: make(chan struct{}), stop: make(chan struct{}),
	}
	l.work, l.space = sync.NewCond(&l.mu), sync.NewCond(&l.mu)
	if err := l.recover(replay); err != nil {
		return nil, errors.Join(err, l.closeFiles())
	}
	l.durable = l.end
	l.pending = newBatch(l.end, nil)
	go l.flush()
	return l, nil
}

// recover loads all segments and leaves the last one ready for appending.
func (l *Log) recover(replay func(offset int64, payload []byte) error) error {
	entries, err := os.ReadDir(l.options.Dir)
	if err != nil {
		return fmt.Errorf("list log directory: %w", err)
	}
	for _, entry := range entries {
		first, ok := segmentFirst(entry)
		if !ok {
			continue
		}
		if err := l.loadSegment(first, replay); err != nil {
			return err
		}
	}
	if len(l.segments) == 0 {
		file, err := l.createSegment(0)
		if err != nil {
			return err
		}
		l.segments = []*segment{{file: file}}
		l.noted = -1
		l.noteDurable()
		return nil
	}
	return l.settleTail()
}

// loadSegment scans the next segment, which shows that the one before it was
// complete once.
func (l *Log) loadSegment(first int64, replay func(offset int64, payload []byte) error) error {
	name := segmentName(l.options.Dir, first)
	if len(l.segments) > 0 && first != l.end {
		reason := fmt.Sprintf("the next segment starts at %d", first)
		if l.cut > 0 {
			reason = fmt.Sprintf("%d damaged bytes before the segment at %d", l.cut, first)
		}
		if !l.options.CutDamage {
			return l.damaged(reason)
		}
		return l.putAside(name)
	}
	file, err := l.options.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	s := &segment{first: first, end: first, file: file}
	l.segments = append(l.segments, s)
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("size of segment: %w", err)
	}
	if err := l.scan(s, info.Size(), replay); err != nil {
		return err
	}
	l.end = s.end
	l.cut = first + info.Size() - s.end
	return nil
}

// damaged is the error for damage at the end of what is loaded.
func (l *Log) damaged(reason string) error {
	last := l.segments[len(l.segments)-1]
	return &CorruptError{File: segmentName(l.options.Dir, last.first), Offset: l.end, Behind: max(l.cut, 1), Reason: reason}
}

// putAside renames a segment that comes after damage, so that nothing finds it.
func (l *Log) putAside(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("size of segment behind damage: %w", err)
	}
	if err := os.Rename(name, name+".damaged"); err != nil {
		return fmt.Errorf("put aside segment behind damage: %w", err)
	}
	l.putAsideBytes += info.Size()
	return nil
}

// settleTail cuts a torn tail off the last segment. It syncs even when there is
// none: after a crash of only the process, records that were replayed may still
// be in nothing but the page cache.
func (l *Log) settleTail() error {
	last := l.segments[len(l.segments)-1]
	if err := l.checkTail(last); err != nil {
		return err
	}
	if l.cut > 0 {
		if err := last.file.Truncate(last.end - last.first); err != nil {
			return fmt.Errorf("cut torn tail at %d: %w", last.end, err)
		}
	}
	l.cut += l.putAsideBytes
	if err := l.syncFile(last.file); err != nil {
		return fmt.Errorf("sync last segment: %w", err)
	}
	if err := l.syncDir(); err != nil {
		return err
	}
	l.noteDurable()
	return nil
}

// checkTail fails when what is to be cut off was durable once: when it was noted as that, or when something stands behind it
// that was written later. In a segment of before the marks that is any record.
func (l *Log) checkTail(last *segment) (err error) {
	if l.noted, err = l.readNoted(); err != nil || l.options.NoSync {
		return err
	}
	switch {
	case l.options.CutDamage && l.end < l.noted:
		return l.forgetNoted()
	case l.options.CutDamage:
		return nil
	case l.end < l.noted:
		l.cut = max(l.cut, l.noted-l.end)
		return l.damaged(fmt.Sprintf(
			"the record is damaged or missing, and all up to %d was on the disk when the log was last opened or closed", l.noted))
	case l.cut == 0:
		return nil
	}
	unmarked := l.noted < 0 && !last.marked
	behind, err := l.findRecord(last, last.end-last.first, last.end-last.first+l.cut, func(header []byte) bool {
		return isFirst(header) || unmarked
	})
	if err == nil && behind >= 0 {
		err = l.damaged(fmt.Sprintf("the record is damaged, and what was written later begins at %d", last.first+behind))
	}
	return err
}

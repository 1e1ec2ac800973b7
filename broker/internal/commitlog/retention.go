package commitlog

import (
	"fmt"
	"os"
)

// DeleteBefore removes the segments that lie wholly before offset, oldest
// first, but never the active one and nothing that is not durable. It returns
// how many it removed; reads of them answer ErrNotFound from then on.
func (l *Log) DeleteBefore(offset int64) (deletedSegments int, err error) {
	l.deleting.Lock()
	defer l.deleting.Unlock()
	for {
		s, err := l.detachOldest(offset)
		if err != nil {
			return deletedSegments, err
		}
		if s == nil {
			break
		}
		if err := s.close(); err != nil {
			return deletedSegments, fmt.Errorf("close segment %d: %w", s.first, err)
		}
		if err := os.Remove(segmentName(l.options.Dir, s.first)); err != nil {
			return deletedSegments, fmt.Errorf("remove segment: %w", err)
		}
		deletedSegments++
	}
	if deletedSegments == 0 {
		return 0, nil
	}
	return deletedSegments, l.syncDir()
}

// detachOldest takes the oldest segment out of the log if it ends by offset.
func (l *Log) detachOldest(offset int64) (*segment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return nil, ErrClosed
	}
	s := l.segments[0]
	// The next one may have no file yet. Without any file the log would begin at 0 again.
	if len(l.segments) == 1 || l.segments[1].file == nil || s.end > min(offset, l.durable) {
		return nil, nil
	}
	l.segments[0] = nil
	l.segments = l.segments[1:]
	return s, nil
}

// Segments lists the segments in order; the last one is active.
func (l *Log) Segments() []Segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Segment, len(l.segments))
	for i, s := range l.segments {
		list[i] = Segment{First: s.first, End: s.end}
	}
	return list
}

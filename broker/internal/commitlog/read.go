package commitlog

import (
	"fmt"
	"slices"
)

// probeBytes is the first read for a record: the walk to it takes less than a
// block, so most records come with the same read.
const probeBytes = 2 * blockBytes

// Read returns the payload of the record at offset, from the file or, while it
// is not durable yet, from memory. It returns ErrNotFound when the offset is
// before First, past the end or not the start of a record, ErrCorrupt when the
// record is damaged, and ErrClosed.
func (l *Log) Read(offset int64) ([]byte, error) {
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		return nil, ErrClosed
	}
	s := l.segmentAt(offset)
	if s == nil {
		l.mu.Unlock()
		return nil, fmt.Errorf("read log at %d: %w", offset, ErrNotFound)
	}
	start, ok := s.nearestStart(offset)
	if !ok {
		l.mu.Unlock()
		return nil, fmt.Errorf("read log at %d: %w", offset, ErrNotFound)
	}
	if offset >= l.durable {
		payload, err := l.readMemory(max(start, l.durable), offset)
		l.mu.Unlock()
		return payload, err
	}
	limit := min(s.end, l.durable)
	l.mu.Unlock()
	return l.readFile(s, start, offset, limit)
}

// readMemory copies a record that is not durable yet; start is a record start
// that is not durable either.
func (l *Log) readMemory(start, offset int64) ([]byte, error) {
	for start < offset {
		start += recordBytes(l.memory(start))
	}
	if start != offset {
		return nil, fmt.Errorf("read log at %d: %w", offset, ErrNotFound)
	}
	record := l.memory(offset)
	return slices.Clone(record[recordHeaderBytes:recordBytes(record)]), nil
}

// memory returns the batch from offset on.
func (l *Log) memory(offset int64) []byte {
	if l.flushing != nil && offset < l.flushing.end() {
		return l.flushing.records[offset-l.flushing.first:]
	}
	return l.pending.records[offset-l.pending.first:]
}

// readFile walks from start, a record start in offset's block, to offset and
// reads the record there. Nothing at or behind limit is read.
func (l *Log) readFile(s *segment, start, offset, limit int64) ([]byte, error) {
	s.reading.RLock()
	defer s.reading.RUnlock()
	if s.closed {
		return nil, fmt.Errorf("read log at %d: %w", offset, ErrNotFound)
	}
	buffer, _ := l.probes.Get().(*[]byte)
	if buffer == nil {
		fresh := make([]byte, probeBytes)
		buffer = &fresh
	}
	defer l.probes.Put(buffer)
	probe := (*buffer)[:min(probeBytes, limit-start)]
	if _, err := s.file.ReadAt(probe, start-s.first); err != nil {
		return nil, fmt.Errorf("read log at %d: %w", offset, err)
	}
	at := start
	for at < offset && at+recordHeaderBytes <= limit {
		at += recordBytes(probe[at-start:])
	}
	if at != offset {
		return nil, fmt.Errorf("read log at %d: %w", offset, ErrNotFound)
	}
	if offset+recordHeaderBytes > limit || offset+recordBytes(probe[offset-start:]) > limit {
		return nil, &CorruptError{File: segmentName(l.options.Dir, s.first), Offset: offset, Reason: "record length"}
	}
	record := make([]byte, recordBytes(probe[offset-start:]))
	known := copy(record, probe[offset-start:])
	if known < len(record) {
		if _, err := s.file.ReadAt(record[known:], offset+int64(known)-s.first); err != nil {
			return nil, fmt.Errorf("read log at %d: %w", offset, err)
		}
	}
	if !validRecord(record, offset) {
		return nil, &CorruptError{File: segmentName(l.options.Dir, s.first), Offset: offset, Reason: "record checksum"}
	}
	return record[recordHeaderBytes:], nil
}

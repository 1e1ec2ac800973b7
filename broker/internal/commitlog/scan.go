package commitlog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
)

const maxScanBufferBytes = 1 << 20

// scan replays the records of a segment's file of the given size and ends at
// the first bytes that are not a whole record. The record limit does not apply:
// a log is read whatever the limit was when it was written.
func (l *Log) scan(s *segment, size int64, replay func(offset int64, payload []byte) error) error {
	in := bufio.NewReaderSize(io.NewSectionReader(s.file, 0, size), int(min(size, maxScanBufferBytes)))
	var record []byte
	for {
		left := s.first + size - s.end
		if left < recordHeaderBytes {
			return nil
		}
		header, err := in.Peek(recordHeaderBytes)
		if err != nil {
			return fmt.Errorf("scan log at %d: %w", s.end, err)
		}
		if recordBytes(header) > left {
			return nil
		}
		length := int(recordBytes(header))
		record = slices.Grow(record[:0], length)[:length]
		if _, err := io.ReadFull(in, record); err != nil {
			return fmt.Errorf("scan log at %d: %w", s.end, err)
		}
		if !validRecord(record, s.end) {
			return nil
		}
		s.marked = s.marked || isFirst(record)
		if err := replay(s.end, record[recordHeaderBytes:]); err != nil {
			return fmt.Errorf("replay log at %d: %w", s.end, err)
		}
		s.add(int64(length))
	}
}

const (
	markChunkBytes = 1 << 20
	markWorkMax    = 4 << 30 // bytes of records that may only look like one
)

// findRecord returns the first position from..size of a segment's file at which
// a record begins that is wanted by its header, -1 when there is none. It looks
// at every byte: what lies before is damaged, so that nobody knows where records
// start.
func (l *Log) findRecord(s *segment, from, size int64, wanted func(header []byte) bool) (int64, error) {
	chunk := make([]byte, markChunkBytes+recordHeaderBytes)
	work := int64(0)
	for at := from; at+recordHeaderBytes <= size; at += markChunkBytes {
		n, err := s.file.ReadAt(chunk[:min(int64(len(chunk)), size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return -1, fmt.Errorf("look for records behind %d: %w", s.end, err)
		}
		for i := 0; i+recordHeaderBytes <= n && i < markChunkBytes; i++ {
			header, position := chunk[i:], at+int64(i)
			if !wanted(header) || position+recordBytes(header) > size {
				continue
			}
			if work += recordBytes(header); work > markWorkMax {
				return position, nil // nobody can tell, so a person has to
			}
			record := make([]byte, recordBytes(header))
			if _, err := s.file.ReadAt(record, position); err != nil {
				return -1, fmt.Errorf("look for records behind %d: %w", s.end, err)
			}
			if validRecord(record, s.first+position) {
				return position, nil
			}
		}
	}
	return -1, nil
}

package commitlog

import (
	"bufio"
	"encoding/binary"
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
		if int64(binary.BigEndian.Uint32(header)) > left-recordHeaderBytes {
			return nil
		}
		length := int(recordBytes(header))
		record = slices.Grow(record[:0], length)[:length]
		if _, err := io.ReadFull(in, record); err != nil {
			return fmt.Errorf("scan log at %d: %w", s.end, err)
		}
		if !l.validRecord(record) {
			return nil
		}
		if err := replay(s.end, record[recordHeaderBytes:]); err != nil {
			return fmt.Errorf("replay log at %d: %w", s.end, err)
		}
		s.add(int64(length))
	}
}

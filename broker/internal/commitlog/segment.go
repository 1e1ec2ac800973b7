package commitlog

import (
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"
	"sync"
)

// blockBytes is the grain of the index of record starts.
const blockBytes = 4096

// noStart marks a block in which no record starts.
const noStart = math.MaxUint16

// Segment describes one segment file.
type Segment struct {
	First int64 // offset of its first record
	End   int64 // offset behind its last record
}

// segment is one file of the log. first is fixed; end, starts and file belong
// to the log's mutex. The reading lock lets a file be closed under readers.
type segment struct {
	first  int64
	end    int64
	file   File
	marked bool // it was found to have the first record of a batch

	// starts holds, for each block of the segment, the place in the block at
	// which the first record starts. A read walks from there, so that only true
	// record starts are found: a payload that contains the bytes of a record
	// cannot pass for one. It costs 0.05 % of the log in memory.
	starts []uint16

	reading sync.RWMutex
	closed  bool
}

// add notes that a record of size bytes starts at the segment's end.
func (s *segment) add(size int64) {
	position := s.end - s.first
	block := position / blockBytes
	for int64(len(s.starts)) <= block {
		s.starts = append(s.starts, noStart)
	}
	if s.starts[block] == noStart {
		s.starts[block] = uint16(position % blockBytes)
	}
	s.end += size
}

// nearestStart returns the offset of the first record start in offset's block;
// ok is false when that is behind offset, so that no record starts at offset.
func (s *segment) nearestStart(offset int64) (start int64, ok bool) {
	block := (offset - s.first) / blockBytes
	if block >= int64(len(s.starts)) || s.starts[block] == noStart {
		return 0, false
	}
	start = s.first + block*blockBytes + int64(s.starts[block])
	return start, start <= offset
}

// close closes the file once its readers are done.
func (s *segment) close() error {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

func segmentName(dir string, first int64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d", first))
}

// segmentFirst reads the first offset from a file's name.
func segmentFirst(entry fs.DirEntry) (int64, bool) {
	if len(entry.Name()) != 20 || entry.IsDir() {
		return 0, false
	}
	first, err := strconv.ParseInt(entry.Name(), 10, 64)
	return first, err == nil && first >= 0
}

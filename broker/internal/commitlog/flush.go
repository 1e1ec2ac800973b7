package commitlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// roomPause is the time between two looks for room on a full disk.
const roomPause = 200 * time.Millisecond

// maxSpareBytes is the largest buffer that is kept for the next batch.
const maxSpareBytes = 8 << 20

// flush is the one goroutine that writes and syncs. Whatever is appended while
// an fsync runs is the next batch, so the rate of fsyncs adapts without a timer.
func (l *Log) flush() {
	defer close(l.flushed)
	for {
		b, ready, stop := l.nextBatch()
		for _, f := range ready {
			f(nil)
		}
		if b != nil {
			l.settle(b, l.writeWithRoom(b))
		}
		if stop {
			return
		}
	}
}

// nextBatch waits for something to do. stop is set once the log is closing and
// nothing is left.
func (l *Log) nextBatch() (b *batch, ready []func(error), stop bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if l.failure == nil && len(l.pending.records) > 0 && (l.urgent || l.closing) {
			b = l.pending
			l.urgent = false
			l.flushing = b
			l.pending = newBatch(l.end, l.spare)
			l.spare = nil
		}
		ready, l.ready = l.ready, nil
		if b != nil || len(ready) > 0 {
			return b, ready, false
		}
		if l.closing {
			return nil, nil, true
		}
		l.work.Wait()
	}
}

// writeWithRoom writes a batch. While the disk is full it tries again and again,
// with the same bytes at the same place, and whoever wants to append meanwhile is
// refused: what was appended before has been promised a place, and nobody has
// been told that it is durable. Close ends the tries.
func (l *Log) writeWithRoom(b *batch) error {
	for {
		err := l.write(b)
		if !IsFull(err) {
			return err
		}
		l.mu.Lock()
		l.full = fmt.Errorf("%w: %w", ErrFull, err)
		l.space.Broadcast()
		l.mu.Unlock()
		select {
		case <-time.After(roomPause):
		case <-l.stop:
			return err
		}
	}
}

// write writes and syncs what is left of a batch, segment by segment: a segment
// is durable before the next one exists, so only the last one can be torn.
func (l *Log) write(b *batch) error {
	for b.written < b.end() {
		offset := b.written
		s, end := l.segmentToWrite(offset, b.end())
		if s.file == nil {
			file, err := l.createSegment(s.first)
			if err != nil {
				return err
			}
			l.mu.Lock()
			s.file = file
			l.mu.Unlock()
		}
		if _, err := s.file.WriteAt(b.records[offset-b.first:end-b.first], offset-s.first); err != nil {
			return fmt.Errorf("write log at offset %d: %w", offset, err)
		}
		if err := l.syncFile(s.file); err != nil {
			return fmt.Errorf("sync log before offset %d: %w", end, failedSync{err})
		}
		b.written = end
	}
	return nil
}

// segmentToWrite returns the segment of offset and where the part of the batch
// that belongs to it ends.
func (l *Log) segmentToWrite(offset, batchEnd int64) (s *segment, end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s = l.segmentAt(offset)
	return s, min(s.end, batchEnd)
}

// settle tells everybody how the batch ended. After a failure nothing is
// written any more, so what came after the batch has failed with it.
func (l *Log) settle(b *batch, err error) {
	settled := []*batch{b}
	l.mu.Lock()
	if err != nil {
		l.failure = fmt.Errorf("%w: %w", ErrFailed, err)
		close(l.failed)
		settled = append(settled, l.pending)
	} else {
		l.durable, l.full = b.end(), nil
		l.flushing = nil
		if cap(b.records) <= maxSpareBytes {
			l.spare = b.records[:0]
		}
	}
	failure := l.failure
	l.space.Broadcast()
	l.mu.Unlock()
	for _, done := range settled {
		for _, f := range done.notify {
			f(failure)
		}
	}
}

// createSegment makes the file's existence durable before anything is in it. An
// empty one may be there, of a try for which there was no room.
func (l *Log) createSegment(first int64) (File, error) {
	name := segmentName(l.options.Dir, first)
	file, err := l.options.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, closeAfter(file, fmt.Errorf("size of new segment: %w", err))
	case info.Size() > 0:
		return nil, closeAfter(file, &CorruptError{File: name, Offset: first, Reason: "a new segment is not empty"})
	}
	if err := l.syncFile(file); err != nil {
		return nil, closeAfter(file, fmt.Errorf("sync new segment: %w", failedSync{err}))
	}
	if err := l.syncDir(); err != nil {
		return nil, closeAfter(file, err)
	}
	return file, nil
}

func (l *Log) syncFile(file File) error {
	if l.options.NoSync {
		return nil
	}
	l.syncs.Add(1)
	return file.Sync()
}

// syncDir makes created and removed names durable. Windows has no such call;
// NTFS journals names by itself.
func (l *Log) syncDir() error {
	if l.options.NoSync || runtime.GOOS == "windows" {
		return nil
	}
	dir, err := l.options.OpenFile(l.options.Dir, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("open log directory: %w", err)
	}
	if err := l.syncFile(dir); err != nil {
		return closeAfter(dir, fmt.Errorf("sync log directory: %w", failedSync{err}))
	}
	if err := dir.Close(); err != nil {
		return fmt.Errorf("close log directory: %w", err)
	}
	return nil
}

func closeAfter(c io.Closer, err error) error {
	return errors.Join(err, c.Close())
}

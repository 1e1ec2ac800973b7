package commitlog

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// Log is an open log. All methods are safe for concurrent use.
type Log struct {
	options Options
	lock    io.Closer
	cut     int64
	// putAsideBytes is the size of the segments that were put aside behind damage.
	putAsideBytes int64
	noted         int64 // what notedName says, -1 when nothing
	syncs         atomic.Int64
	probes        sync.Pool // *[]byte of probeBytes, for Read

	mu       sync.Mutex
	work     *sync.Cond // the flusher waits for something to do
	space    *sync.Cond // Append waits for room
	segments []*segment // in order; the last one is active
	end      int64      // behind the last appended record
	durable  int64      // behind the last durable record; the files are read before it, memory behind
	pending  *batch     // records of [flushing.end or durable, end)
	urgent   bool       // pending is to be flushed now; otherwise it lingers
	flushing *batch     // records that the flusher is writing, nil when it is idle
	spare    []byte     // an empty buffer for the next batch
	ready    []func(error)
	closing  bool
	full     error // ErrFull and its cause, while there is no room on the disk
	failure  error // ErrFailed and its cause, once there

	deleting  sync.Mutex // serializes DeleteBefore and Close's closing of files
	flushed   chan struct{}
	failed    chan struct{} // closed with failure
	stop      chan struct{} // closed with closing
	closeOnce sync.Once
	closeErr  error
}

// batch is a run of records that becomes durable as one.
type batch struct {
	first   int64
	records []byte
	written int64         // offset before which it is on the disk
	notify  []func(error) // called with how it ended
}

func newBatch(first int64, buffer []byte) *batch {
	return &batch{first: first, written: first, records: buffer[:0]}
}

func (b *batch) end() int64 { return b.first + int64(len(b.records)) }

// Append adds one record. It calls build under the append lock with the offset
// that the record will have; build appends the payload to dst and returns it,
// keeps neither, and must not call the log.
// When Append returns, the record is in memory and can be read, but is neither
// durable nor necessarily written: OnDurable tells of end. It blocks while
// MaxUnflushedBytes are not durable. It returns ErrTooLarge, ErrFull, ErrFailed
// or ErrClosed, and then nothing is appended.
func (l *Log) Append(build func(dst []byte, offset int64) []byte) (offset, end int64, err error) {
	return l.append(build, true)
}

// AppendSoon is Append for a record that nobody waits for: it becomes durable
// with the next one that somebody does, or after Linger.
func (l *Log) AppendSoon(build func(dst []byte, offset int64) []byte) (offset, end int64, err error) {
	return l.append(build, false)
}

func (l *Log) append(build func(dst []byte, offset int64) []byte, urgent bool) (offset, end int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.failure == nil && l.full == nil && !l.closing && l.end-l.durable >= l.options.MaxUnflushedBytes {
		l.hurry()
		l.space.Wait()
	}
	if l.failure != nil {
		return 0, 0, l.failure
	}
	if l.closing {
		return 0, 0, ErrClosed
	}
	if l.full != nil {
		return 0, 0, l.full
	}
	var header [recordHeaderBytes]byte
	before := l.pending.records
	grown := build(append(before, header[:]...), l.end)
	payload := len(grown) - len(before) - recordHeaderBytes
	if payload < 0 || payload > l.options.MaxRecordBytes {
		return 0, 0, fmt.Errorf("append record of %d bytes: %w", payload, ErrTooLarge)
	}
	size := int64(recordHeaderBytes + payload)
	sealRecord(grown[len(before):], l.end, len(before) == 0)
	l.pending.records = grown

	active := l.segments[len(l.segments)-1]
	if active.end > active.first && active.end-active.first+size > l.options.SegmentBytes {
		// The flusher creates the file when it gets there.
		active = &segment{first: l.end, end: l.end}
		l.segments = append(l.segments, active)
	}
	active.add(size)
	offset = l.end
	l.end += size
	if urgent {
		l.hurry()
	} else if len(before) == 0 {
		time.AfterFunc(l.options.Linger, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.hurry()
		})
	}
	return offset, l.end, nil
}

// hurry flushes what is pending. The caller holds the lock.
func (l *Log) hurry() {
	l.urgent = true
	l.work.Signal()
}

// batchBefore returns the batch that makes everything before end durable, or
// the answer when there is nothing to wait for.
func (l *Log) batchBefore(end int64) (*batch, error) {
	switch {
	case end <= l.durable:
		return nil, nil
	case l.failure != nil:
		return nil, l.failure
	case end > l.end:
		return nil, fmt.Errorf("wait for log offset %d beyond %d: %w", end, l.end, ErrNotFound)
	case l.flushing != nil && end <= l.flushing.end():
		return l.flushing, nil
	}
	return l.pending, nil
}

// OnDurable calls f once everything before end is durable, on the goroutine that
// flushes, so f must not block; after Close it runs on the caller's. What is
// already durable answers nil even after a failure; for the rest a failed log
// answers ErrFailed for ever. An end that was never appended is ErrNotFound.
func (l *Log) OnDurable(end int64, f func(error)) {
	l.mu.Lock()
	b, err := l.batchBefore(end)
	switch {
	case b != nil:
		b.notify = append(b.notify, f)
	case !l.closing:
		l.ready = append(l.ready, func(error) { f(err) })
		l.work.Signal()
	default:
		defer f(err)
	}
	l.mu.Unlock()
}

// segmentAt returns the segment that holds offset, nil when none does.
func (l *Log) segmentAt(offset int64) *segment {
	i := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].end > offset })
	if i == len(l.segments) || l.segments[i].first > offset {
		return nil
	}
	return l.segments[i]
}

// First is the offset of the oldest record that is kept.
func (l *Log) First() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.segments[0].first
}

// End is the offset that the next record will have.
func (l *Log) End() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// Failed is closed when a write or an fsync has failed for good: nothing can be
// appended any more, and only opening the log again finds out what is on the disk.
func (l *Log) Failed() <-chan struct{} { return l.failed }

// Failure is why Failed is closed, nil before.
func (l *Log) Failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

// Syncs is the number of fsyncs so far, of files and of the directory.
func (l *Log) Syncs() int64 { return l.syncs.Load() }

// TornBytes is how much Open cut off the end of the log: what a crash had torn,
// or with Options.CutDamage everything from the damage on.
func (l *Log) TornBytes() int64 { return l.cut }

// closeFiles closes all segments and releases the directory.
func (l *Log) closeFiles() error {
	var errs []error
	for _, s := range l.segments {
		if err := s.close(); err != nil {
			errs = append(errs, fmt.Errorf("close segment %d: %w", s.first, err))
		}
	}
	if err := l.lock.Close(); err != nil {
		errs = append(errs, fmt.Errorf("unlock %s: %w", filepath.Join(l.options.Dir, lockName), err))
	}
	return errors.Join(errs...)
}

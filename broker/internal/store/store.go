package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"boxoffice/broker/internal/commitlog"
	"boxoffice/broker/remoting"
)

// Reasons why a message cannot be stored or read.
var (
	ErrNoQueue    = errors.New("no such topic or queue")
	ErrOversize   = errors.New("message too large")
	ErrNotFound   = errors.New("no message at this offset")
	ErrNotMessage = errors.New("log record holds no message")
)

const (
	// MaxProperties is the largest property string the message layout can hold.
	MaxProperties = 32767
	// MaxBody is the largest body the log takes. WithMaxMessageBytes limits what
	// producers may send and may be lowered between runs; what is stored already
	// must still be committed, delivered and retried.
	MaxBody = 8 << 20
)

// Store is an open directory of messages. All methods are safe for concurrent use.
type Store struct {
	Topics  *Topics
	Offsets *Offsets
	Halves  *Halves
	Delays  *Delays

	opt     Options
	journal *commitlog.Log
	appends atomic.Int64

	delivering sync.Mutex // one delivery pass at a time
	retaining  sync.Mutex // one retention pass at a time
}

// Stored says where a message was put.
type Stored struct {
	Offset      int64 // physical offset
	QueueOffset int64 // logical offset in its queue
}

// Put stores m and calls done when it is durable and visible, or has failed.
// done must not block: it runs on the log's flush goroutine.
func (s *Store) Put(m *remoting.Message, done func(Stored, error)) {
	s.put(m, cause{kind: recordMessage}, done)
}

// FinishHalf is Put for what becomes of the half message at a physical offset:
// the same log record ends its transaction, so no crash can come between the two.
func (s *Store) FinishHalf(offset int64, m *remoting.Message, done func(error)) {
	s.put(m, cause{kind: recordFinished, source: offset}, func(_ Stored, err error) { done(err) })
}

func (s *Store) put(m *remoting.Message, why cause, done func(Stored, error)) {
	if err := s.tryPut(m, why, done); err != nil {
		done(Stored{}, err)
	}
}

// tryPut is put that returns why m cannot be appended, and then does not call done.
func (s *Store) tryPut(m *remoting.Message, why cause, done func(Stored, error)) error {
	q := s.Topics.Queue(m.Topic, m.QueueID)
	if q == nil {
		return fmt.Errorf("%w: %s/%d", ErrNoQueue, m.Topic, m.QueueID)
	}
	if len(m.Properties) > MaxProperties || len(m.Body) > MaxBody {
		return fmt.Errorf("%w: body %d, properties %d bytes", ErrOversize, len(m.Body), len(m.Properties))
	}
	end, err := s.append(q, m, why)
	if err != nil {
		return err
	}
	at := Stored{m.PhysicalOffset, m.QueueOffset}
	s.journal.OnDurable(end, func(err error) {
		if err == nil {
			q.publish(at.QueueOffset + 1)
			s.opt.Arrived(q)
		}
		done(at, err)
	})
	return nil
}

// append puts m into the log and onto its queue, and returns the offset behind
// it in the log. m gets its offsets, store time and store host. The message is
// visible to nobody before publish.
func (s *Store) append(q *Queue, m *remoting.Message, why cause) (end int64, err error) {
	tag := tagOf(m.Properties)
	m.StoreHost = s.opt.Host
	store := s.journal.Append
	if why.kind == recordFinished {
		store = s.journal.AppendSoon // the producer has its answer from the half message
	}
	_, end, err = store(func(dst []byte, offset int64) []byte {
		m.PhysicalOffset = offset
		m.QueueOffset = q.nextOffset()
		m.StoreTimestamp = s.opt.nowMs()
		dst = remoting.AppendMessage(recordHead(dst, why), m)
		// The append lock is held: queues, halves and delays see the messages
		// in the order of the log.
		q.push(Entry{Offset: offset, Tag: tag})
		s.track(m, why)
		return dst
	})
	if err != nil {
		return 0, fmt.Errorf("append message: %w", err)
	}
	s.appends.Add(1)
	return end, nil
}

// track notes a message that the broker has to do something about later, and
// the end of the half message that a record finishes.
func (s *Store) track(m *remoting.Message, why cause) {
	if why.kind == recordFinished {
		s.Halves.finish(why.source)
	}
	switch m.Topic {
	case HalfTopic:
		s.Halves.add(Half{
			Offset: m.PhysicalOffset, QueueOffset: m.QueueOffset, stored: m.StoreTimestamp,
			immunity: Immunity(m.Properties), Checks: checksOf(m.Properties),
		})
	case ScheduleTopic:
		s.Delays.add(m.QueueID+1, m.PhysicalOffset, m.StoreTimestamp)
	}
}

// Rollback ends the half message at a physical offset without a message for
// anybody, and calls done when that is durable, or has failed.
func (s *Store) Rollback(offset int64, done func(error)) {
	_, end, err := s.journal.AppendSoon(func(dst []byte, _ int64) []byte {
		s.Halves.finish(offset)
		return recordRollback(dst, offset, s.opt.nowMs())
	})
	if err != nil {
		done(err)
		return
	}
	s.journal.OnDurable(end, done)
}

// CountCheck puts the number of checks of a half message on the disk and calls
// done, with false when it was committed or rolled back meanwhile.
func (s *Store) CountCheck(offset int64, checks int32, done func(open bool, err error)) {
	before, open := s.Halves.Find(offset)
	if !open {
		done(false, nil)
		return
	}
	_, end, err := s.journal.Append(func(dst []byte, _ int64) []byte {
		s.Halves.checked(offset, checks)
		return recordCheck(dst, offset, s.opt.nowMs(), checks)
	})
	if err != nil {
		s.Halves.checked(offset, before.Checks)
		done(true, err)
		return
	}
	s.journal.OnDurable(end, func(err error) { done(true, err) })
}

// Load reads the message stored at a physical offset.
func (s *Store) Load(offset int64) (remoting.Message, error) {
	raw, err := s.LoadRaw(offset)
	if err != nil {
		return remoting.Message{}, err
	}
	m, _, err := remoting.DecodeMessage(raw)
	if err != nil {
		return remoting.Message{}, fmt.Errorf("decode message at %d: %w: %w", offset, ErrNotMessage, err)
	}
	return m, nil
}

// LoadRaw reads the encoded message at a physical offset.
func (s *Store) LoadRaw(offset int64) ([]byte, error) {
	payload, err := s.journal.Read(offset)
	if err != nil {
		return nil, fmt.Errorf("%w %d: %w", ErrNotFound, offset, err)
	}
	r, err := parseRecord(payload)
	if err != nil {
		return nil, err
	}
	if r.message == nil {
		return nil, fmt.Errorf("offset %d: %w", offset, ErrNotMessage)
	}
	return r.message, nil
}

// Unreadable tells a message that can never be read again from a
// disk that fails to read it now.
func Unreadable(err error) bool {
	return errors.Is(err, commitlog.ErrCorrupt) || errors.Is(err, commitlog.ErrNotFound) ||
		errors.Is(err, ErrNotMessage) || errors.Is(err, errRecord)
}

// First is the physical offset of the oldest record that is kept.
func (s *Store) First() int64 { return s.journal.First() }

// Appends counts the messages that were stored since Open.
func (s *Store) Appends() int64 { return s.appends.Load() }

// Syncs counts the fsyncs of the log since Open.
func (s *Store) Syncs() int64 { return s.journal.Syncs() }

// Failed is closed when nothing can be stored any more; Failure then says why.
func (s *Store) Failed() <-chan struct{} { return s.journal.Failed() }

// Failure is why Failed is closed, nil before.
func (s *Store) Failure() error { return s.journal.Failure() }

// Close makes what was stored durable, and saves the offsets.
func (s *Store) Close() error { return errors.Join(s.Offsets.Save(), s.journal.Close()) }

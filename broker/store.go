package broker

import (
	"errors"
	"fmt"
	"strconv"

	"boxoffice/broker/internal/commitlog"
	"boxoffice/broker/remoting"
)

// Reasons why a message cannot be stored.
var (
	errNoQueue    = errors.New("no such topic or queue")
	errOversize   = errors.New("message too large")
	errNotFound   = errors.New("no message at this offset")
	errNotMessage = errors.New("log record holds no message")
)

const (
	// maxProperties is the largest property string the message layout can hold.
	maxProperties = 32767
	// propertyReserve is what a producer must leave free of it: retries, delays
	// and check-backs add properties, and must not fail for lack of room.
	propertyReserve = 1024
	// maxBody is the largest body the log takes. WithMaxMessageBytes limits what
	// producers may send and may be lowered between runs; what is stored already
	// must still be committed, delivered and retried.
	maxBody = 8 << 20
)

// stored says where a message was put.
type stored struct {
	offset      int64 // physical offset
	queueOffset int64 // logical offset in its queue
	end         int64 // physical offset after the record
}

// append puts m into the log and onto the queue that its topic and queue id
// name. m gets its offsets, store time and store host. The message is visible
// to nobody before publish.
func (b *Broker) append(m *remoting.Message, why cause) (stored, error) {
	q := b.topics.queue(m.Topic, m.QueueID)
	if q == nil {
		return stored{}, fmt.Errorf("%w: %s/%d", errNoQueue, m.Topic, m.QueueID)
	}
	if len(m.Properties) > maxProperties || len(m.Body) > maxBody {
		return stored{}, fmt.Errorf("%w: body %d, properties %d bytes", errOversize, len(m.Body), len(m.Properties))
	}
	tag := tagOf(m.Properties)
	m.StoreHost = b.host
	store := b.journal.Append
	if why.kind == recordFinished {
		store = b.journal.AppendSoon // the producer has its answer from the half message
	}
	offset, end, err := store(func(dst []byte, offset int64) []byte {
		m.PhysicalOffset = offset
		m.QueueOffset = q.nextOffset()
		m.StoreTimestamp = b.nowMs()
		dst = remoting.AppendMessage(recordHead(dst, why), m)
		// The append lock is held: queues, halves and delays see the messages
		// in the order of the log.
		q.push(entry{offset: offset, tag: tag})
		b.track(m, why)
		return dst
	})
	if err != nil {
		return stored{}, fmt.Errorf("append message: %w", err)
	}
	b.stats.appends.Add(1)
	return stored{offset: offset, queueOffset: m.QueueOffset, end: end}, nil
}

// track notes a message that the broker has to do something about later, and
// the end of the half message that a record finishes.
func (b *Broker) track(m *remoting.Message, why cause) {
	if why.kind == recordFinished {
		b.halves.finish(why.source)
	}
	switch m.Topic {
	case topicHalf:
		b.halves.add(half{
			offset: m.PhysicalOffset, queueOffset: m.QueueOffset, stored: m.StoreTimestamp,
			immunity: immunityOf(m.Properties), checks: checksOf(m.Properties),
		})
	case topicSchedule:
		b.delays.add(m.QueueID+1, m.PhysicalOffset, m.StoreTimestamp)
	}
}

// put stores m and calls done when it is durable and visible, or has failed.
// done must not block: it runs on the log's flush goroutine.
func (b *Broker) put(m *remoting.Message, why cause, done func(stored, error)) {
	if err := b.tryPut(m, why, done); err != nil {
		done(stored{}, err)
	}
}

// tryPut is put that returns why m cannot be appended, and then does not call done.
func (b *Broker) tryPut(m *remoting.Message, why cause, done func(stored, error)) error {
	topic, queueID := m.Topic, m.QueueID
	at, err := b.append(m, why)
	if err != nil {
		return err
	}
	b.journal.OnDurable(at.end, func(err error) {
		if err == nil {
			b.publish(topic, queueID, at.queueOffset+1)
		}
		done(at, err)
	})
	return nil
}

// publish makes a queue visible up to a logical offset and wakes its waiting pulls.
func (b *Broker) publish(topic string, queueID int32, end int64) {
	q := b.topics.queue(topic, queueID)
	if q == nil {
		return
	}
	q.publish(end)
	b.polls.arrived(q)
}

// load reads the message stored at a physical offset.
func (b *Broker) load(offset int64) (remoting.Message, error) {
	raw, err := b.loadRaw(offset)
	if err != nil {
		return remoting.Message{}, err
	}
	m, _, err := remoting.DecodeMessage(raw)
	if err != nil {
		return remoting.Message{}, fmt.Errorf("decode message at %d: %w: %w", offset, errNotMessage, err)
	}
	return m, nil
}

// loadRaw reads the encoded message at a physical offset.
func (b *Broker) loadRaw(offset int64) ([]byte, error) {
	payload, err := b.journal.Read(offset)
	if err != nil {
		return nil, fmt.Errorf("%w %d: %w", errNotFound, offset, err)
	}
	r, err := parseRecord(payload)
	if err != nil {
		return nil, err
	}
	if r.message == nil {
		return nil, fmt.Errorf("offset %d: %w", offset, errNotMessage)
	}
	return r.message, nil
}

// unreadable tells a message that can never be read again from a disk that fails
// to read it now.
func unreadable(err error) bool {
	return errors.Is(err, commitlog.ErrCorrupt) || errors.Is(err, commitlog.ErrNotFound) ||
		errors.Is(err, errNotMessage) || errors.Is(err, errRecord)
}

func tagOf(properties string) int32 {
	tags, ok := remoting.Property(properties, remoting.PropertyTags)
	if !ok {
		return 0
	}
	return remoting.TagHash(tags)
}

// levelOf is the delay level a message asks for, 0 without one.
func levelOf(properties string) int32 {
	level, ok := remoting.Property(properties, remoting.PropertyDelayTimeLevel)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(level, 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int32(n)
}

func checksOf(properties string) int32 {
	text, _ := remoting.Property(properties, remoting.PropertyTransactionCheckTimes)
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int32(n)
}

// maxImmunity bounds CHECK_IMMUNITY_TIME_IN_SECONDS so that it cannot overflow.
const maxImmunity = 365 * 24 * 3600

// immunityOf is the CHECK_IMMUNITY_TIME_IN_SECONDS of a half message in ms, 0
// without one (TransactionalMessageUtil.getImmunityTime).
func immunityOf(properties string) int64 {
	text, ok := remoting.Property(properties, remoting.PropertyCheckImmunityTimeInSeconds)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return min(n, maxImmunity) * 1000
}

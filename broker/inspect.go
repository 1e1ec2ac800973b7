package broker

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"time"

	"boxoffice/broker/internal/store"
	"boxoffice/broker/remoting"
)

// Message is a stored message as a test wants to see it.
type Message struct {
	ID                        string // store host and physical offset
	Topic                     string
	QueueID                   int32
	QueueOffset               int64
	PhysicalOffset            int64
	SysFlag                   int32
	ReconsumeTimes            int32
	PreparedTransactionOffset int64
	BornAt                    time.Time
	StoredAt                  time.Time
	Body                      []byte // not compressed
	Properties                map[string]string
}

// HalfMessage is a half message whose transaction is open.
type HalfMessage struct {
	Message
	Group         string // producer group
	TransactionID string // UNIQ_KEY
	RealTopic     string
	Checks        int // check-backs already made
}

// Stats counts what a broker has done since it was started.
type Stats struct {
	Frames  map[int]int64 // requests received, by request code
	Appends int64         // messages appended to the log
	Syncs   int64         // fsyncs of the log
}

// Stats returns the counters.
func (b *Broker) Stats() Stats {
	s := Stats{Frames: make(map[int]int64), Appends: b.store.Appends(), Syncs: b.store.Syncs()}
	for code := range b.stats {
		if n := b.stats[code].Load(); n > 0 {
			s.Frames[code] = n
		}
	}
	return s
}

// HalfMessages returns the half messages whose transactions are open, oldest first.
func (b *Broker) HalfMessages() []HalfMessage {
	var list []HalfMessage
	for _, one := range b.store.Halves.All() {
		m, err := b.store.Load(one.Offset)
		if err != nil {
			b.log.Error("read half message", "offset", one.Offset, "error", err)
			continue
		}
		h := HalfMessage{Message: b.view(&m), Checks: int(one.Checks)}
		h.Group = h.Properties[remoting.PropertyProducerGroup]
		h.TransactionID = h.Properties[remoting.PropertyUniqueKey]
		h.RealTopic = h.Properties[remoting.PropertyRealTopic]
		list = append(list, h)
	}
	return list
}

// Messages returns the messages of a topic that consumers can see, queue by
// queue. An unknown topic has none.
func (b *Broker) Messages(topic string) []Message {
	t := b.store.Topics.Find(topic)
	if t == nil {
		return nil
	}
	var list []Message
	for _, q := range t.Queues {
		lowest, end := q.Bounds()
		for _, e := range q.Window(nil, lowest, int(end-lowest)) {
			m, err := b.store.Load(e.Offset)
			if err != nil {
				b.log.Error("read message", "offset", e.Offset, "error", err)
				continue
			}
			list = append(list, b.view(&m))
		}
	}
	return list
}

// PendingDelays is the number of messages that wait on a delay level.
func (b *Broker) PendingDelays() int { return b.store.Delays.Pending() }

// ConsumerLag is the number of messages of a topic that a group has not
// committed yet. A queue without a committed offset counts from its start.
func (b *Broker) ConsumerLag(group, topic string) int64 {
	t := b.store.Topics.Find(topic)
	if t == nil {
		return 0
	}
	var lag int64
	for _, q := range t.Queues {
		lowest, end := q.Bounds()
		from := lowest
		if offset, ok := b.store.Offsets.Query(store.Consumed{Group: group, Topic: topic, Queue: q.ID}); ok {
			from = max(from, offset)
		}
		lag += max(end-from, 0)
	}
	return lag
}

func (b *Broker) view(m *remoting.Message) Message {
	v := Message{
		ID: remoting.MessageID(m.StoreHost, m.PhysicalOffset), Topic: m.Topic, QueueID: m.QueueID,
		QueueOffset: m.QueueOffset, PhysicalOffset: m.PhysicalOffset, SysFlag: m.SysFlag,
		ReconsumeTimes: m.ReconsumeTimes, PreparedTransactionOffset: m.PreparedTransactionOffset,
		BornAt: time.UnixMilli(m.BornTimestamp), StoredAt: time.UnixMilli(m.StoreTimestamp),
		Body: m.Body, Properties: remoting.ParseProperties(m.Properties),
	}
	if m.SysFlag&remoting.SysFlagCompressed != 0 {
		body, err := b.inflate(m.Body)
		if err != nil {
			b.log.Warn("inflate message body", "offset", m.PhysicalOffset, "error", err)
			return v
		}
		v.Body = body
	}
	return v
}

// inflate undoes the compression of a client, up to a bound.
func (b *Broker) inflate(body []byte) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("open compressed body: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(r, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("read compressed body: %w", err)
	}
	return out, nil
}

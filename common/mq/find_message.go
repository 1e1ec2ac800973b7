package mq

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker/remoting"
)

// Stored is a message as a broker has it for consumers.
type Stored struct {
	MessageID string
	TxID      string            // of the transaction that was decided by its half message; empty for a plain message
	BornAt    time.Time         // when it was sent, by its sender's clock
	StoredAt  time.Time         // when it was stored for consumers, by the broker's clock; of a half message when it was committed
	Checks    int               // check-backs before it was committed
	Traces    map[string]string // ids of the traces that it carries, by order; empty for one of no certain order
	Sender    string            // address of the process that sent it, with the lower 16 bits of its process id
}

// FindMessage looks in a topic for the first message that was stored from a time on, and before another, and whose body
// matches: of a half message that two masters have stored the copy that was committed first, since none is found before that; it
// is the one that consumers had first. It reads up to limit messages of each queue, and fails with ErrUnavailable when the brokers
// do not answer.
func (b *Bus) FindMessage(
	ctx context.Context, topic string, from, until time.Time, limit int, matches func(body []byte) bool,
) (found Stored, exists bool, err error) {
	admin, err := newAdminClient(ctx, b.servers)
	if err != nil {
		return found, false, fmt.Errorf("look for a message of topic %q: %w", topic, err)
	}
	defer admin.close()
	queues, err := admin.queues(ctx, b.namespace.qualify(topic))
	if err != nil {
		return found, false, fmt.Errorf("look for a message of topic %q: %w", topic, err)
	}
	for _, queue := range queues {
		m, err := b.findInQueue(ctx, admin, queue, from, until, limit, matches)
		if err != nil {
			return found, false, fmt.Errorf("look for a message of topic %q: %w", topic, err)
		}
		if m == nil {
			continue
		}
		if s := newStored(m); !exists || s.StoredAt.Before(found.StoredAt) {
			found, exists = s, true
		}
	}
	return found, exists, nil
}

// findInQueue looks in one queue; it returns nil when nothing matches.
func (b *Bus) findInQueue(
	ctx context.Context, admin *adminClient, queue messageQueue, from, until time.Time, limit int, matches func([]byte) bool,
) (*primitive.MessageExt, error) {
	fields := queue.fields()
	fields["timestamp"] = strconv.FormatInt(from.UnixMilli(), 10)
	next, _, err := admin.queryOffset(ctx, queue.broker, remoting.SearchOffsetByTimestamp, fields)
	if err != nil {
		return nil, err
	}
	end, err := admin.maxOffset(ctx, queue)
	if err != nil {
		return nil, err
	}
	for stop := min(end, next+int64(limit)); next < stop; {
		messages, following, err := admin.pull(ctx, b.namespace.qualify(reviewGroup), queue, next, min(int(stop-next), readBatch))
		if err != nil || following <= next {
			return nil, err
		}
		for _, m := range messages {
			switch {
			case m.StoreTimestamp >= until.UnixMilli():
				return nil, nil
			case matches(m.Body):
				return m, nil
			}
		}
		next = following
	}
	return nil, nil
}

func newStored(m *primitive.MessageExt) Stored {
	s := Stored{
		MessageID: m.MsgId, TxID: m.GetProperty(propertyTxID), Sender: senderOf(m),
		Traces: carriedTraces(&m.Message),
		BornAt: time.UnixMilli(m.BornTimestamp).UTC(), StoredAt: time.UnixMilli(m.StoreTimestamp).UTC(),
	}
	s.Checks, _ = strconv.Atoi(m.GetProperty(remoting.PropertyTransactionCheckTimes))
	return s
}

// senderOf reads who sent a message: the address is the one that the broker saw, and the client library puts the process
// id into the unique key, after four bytes of its own address.
func senderOf(m *primitive.MessageExt) string {
	host, _, _ := strings.Cut(m.BornHost, ":")
	const pidAt, pidEnd, keyBytes = 4, 6, 16
	key, err := hex.DecodeString(m.GetProperty(remoting.PropertyUniqueKey))
	if err != nil || len(key) != keyBytes {
		return host
	}
	return fmt.Sprintf("%s, pid %d", host, binary.BigEndian.Uint16(key[pidAt:pidEnd]))
}

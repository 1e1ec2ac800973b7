package broker

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"

	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// propertyReserve is what a producer must leave free of a message's properties:
// retries, delays and check-backs add some, and must not fail for lack of room.
const propertyReserve = 1024

// destination returns the topic and queue a send goes to, creating the topic
// where that is allowed (AbstractSendMessageProcessor.msgCheck).
func (b *Broker) destination(h *sendHeader) (*store.Topic, error) {
	if store.ReservedForBroker(h.topic) {
		return nil, refuse(remoting.NoPermission, "sending to topic %s is forbidden", h.topic)
	}
	if err := store.ValidTopicName(h.topic); err != nil {
		return nil, refuse(remoting.InvalidParameter, "%v", err)
	}
	t := b.store.Topics.Find(h.topic)
	if t == nil {
		var err error
		if t, err = b.autoCreate(h); err != nil {
			return nil, err
		}
	}
	if !t.Writable() {
		return nil, refuse(remoting.NoPermission, "sending to topic %s is forbidden", h.topic)
	}
	if h.queueID >= t.WriteQueues {
		return nil, refuse(remoting.InvalidParameter, "queueId[%d] is illegal, topic %s has %d write queues", h.queueID, h.topic, t.WriteQueues)
	}
	if h.queueID < 0 {
		h.queueID = rand.Int32N(t.WriteQueues)
	}
	return t, nil
}

func (b *Broker) autoCreate(h *sendHeader) (*store.Topic, error) {
	queues := int32(1)
	switch {
	case strings.HasPrefix(h.topic, store.RetryPrefix), strings.HasPrefix(h.topic, store.DeadLetterPrefix):
	case b.opt.autoCreate:
		queues = min(max(h.queues, 1), store.TemplateQueues)
	default:
		return nil, refuse(remoting.TopicNotExist, "topic[%s] not exist, apply first please!", h.topic)
	}
	t, err := b.store.Topics.Ensure(store.OpenTopic(strings.Clone(h.topic), queues))
	if err != nil {
		return nil, fmt.Errorf("create topic: %w", err)
	}
	return t, nil
}

// sendOne stores the message of a send request and answers it.
func (b *Broker) sendOne(c *transport.Call, names sendNames) error {
	h, err := parseSend(c.Frame.Ext, names)
	if err != nil {
		return err
	}
	if h.batch {
		b.sendAll(c, &h)
		return nil
	}
	m, err := b.receive(c, &h)
	if err != nil {
		notSent(c, err)
		return nil
	}
	queueID := m.QueueID
	key, _ := remoting.Property(m.Properties, remoting.PropertyUniqueKey)
	if isPrepared(m) {
		store.PrepareHalf(m)
	} else {
		b.store.Delays.Schedule(m)
	}
	b.store.Put(m, func(at store.Stored, err error) {
		if err != nil {
			notSent(c, err)
			return
		}
		b.sent(c, remoting.MessageID(b.host, at.Offset), queueID, at.QueueOffset, key)
	})
	return nil
}

// receive makes the message of a send request, on the topic and queue it is for.
func (b *Broker) receive(c *transport.Call, h *sendHeader) (*remoting.Message, error) {
	if _, err := b.destination(h); err != nil {
		return nil, err
	}
	if err := b.divertExhausted(h); err != nil {
		return nil, err
	}
	if _, ok := remoting.Property(h.properties, remoting.PropertyUniqueKey); !ok {
		h.properties = remoting.SetProperty(h.properties, remoting.PropertyUniqueKey, b.uniqueKey())
	}
	if len(c.Frame.Body) == 0 {
		return nil, refuse(remoting.SystemError, "a message has to have a body")
	}
	m := &remoting.Message{
		Topic: h.topic, QueueID: h.queueID, Flag: h.flag, SysFlag: h.sysFlag,
		BornTimestamp: h.born, BornHost: c.Conn.Remote, ReconsumeTimes: h.reconsumed,
		Body: c.Frame.Body, Properties: stamp(h.properties),
	}
	if err := b.checkSize(m); err != nil {
		return nil, err
	}
	if timed(m.Properties) {
		return nil, refuse(remoting.MessageIllegal, "timer messages are not supported, use a delay level")
	}
	if isPrepared(m) && store.DelayLevel(m.Properties) > 0 {
		return nil, refuse(remoting.MessageIllegal, "a transactional message cannot be delayed")
	}
	return m, nil
}

func (b *Broker) checkSize(m *remoting.Message) error {
	if len(m.Body) > b.opt.maxMessage || len(m.Properties) > store.MaxProperties-propertyReserve {
		return fmt.Errorf("%w: body %d, properties %d bytes", store.ErrOversize, len(m.Body), len(m.Properties))
	}
	return nil
}

// divertExhausted sends a retry that its consumer sends itself to the dead
// letters when it was consumed too often, or at once when the group consumes
// in order (SendMessageProcessor.handleRetryAndDLQ).
func (b *Broker) divertExhausted(h *sendHeader) error {
	group, isRetry := strings.CutPrefix(h.topic, store.RetryPrefix)
	if !isRetry || group == "" {
		return nil
	}
	if h.reconsumed <= h.maxReconsume && !b.locks.anyHeld(group) {
		return nil
	}
	t, err := b.store.Topics.Ensure(store.DeadLetterTopic(group))
	if err != nil {
		return err
	}
	h.topic, h.queueID = t.Name, 0
	h.properties = remoting.SetProperty(h.properties, remoting.PropertyDelayTimeLevel, "-1")
	return nil
}

// isPrepared reports whether a message is the first half of a transaction. A
// delayed retry of a once transactional message is not (clients below 4.6.1).
func isPrepared(m *remoting.Message) bool {
	flag, _ := remoting.Property(m.Properties, remoting.PropertyTransactionPrepared)
	return flag == "true" && (m.ReconsumeTimes == 0 || store.DelayLevel(m.Properties) == 0)
}

// timed reports whether a message asks for the timer wheel.
func timed(properties string) bool {
	for _, name := range []string{"TIMER_DELIVER_MS", "TIMER_DELAY_SEC", "TIMER_DELAY_MS"} {
		if _, ok := remoting.Property(properties, name); ok {
			return true
		}
	}
	return false
}

// uniqueKey makes the UNIQ_KEY of a message whose producer has set none.
func (b *Broker) uniqueKey() string {
	return fmt.Sprintf("%08X%016X%08X", b.host.Addr().As4(), b.born, b.keys.Add(1))
}

// sent is the answer to a send.
func (b *Broker) sent(c *transport.Call, ids string, queueID int32, queueOffset int64, transactionID string) {
	f := stampAnswer(c.Frame.Reply(remoting.Success, ""))
	f.Ext["msgId"] = ids
	f.Ext["queueId"] = strconv.Itoa(int(queueID))
	f.Ext["queueOffset"] = strconv.FormatInt(queueOffset, 10)
	if transactionID != "" {
		f.Ext["transactionId"] = transactionID
	}
	c.Answer(f)
}

// maxBatchMessages bounds the messages of one batch.
const maxBatchMessages = 4096

// sendAll stores the messages of a batch and answers once.
func (b *Broker) sendAll(c *transport.Call, h *sendHeader) {
	messages, err := b.receiveBatch(c, h)
	if err != nil {
		notSent(c, err)
		return
	}
	ids := make([]string, len(messages))
	var first store.Stored
	var failed atomic.Pointer[error]
	var left atomic.Int32
	left.Store(int32(len(messages)))
	for i, m := range messages {
		b.store.Put(m, func(at store.Stored, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
			ids[i] = remoting.MessageID(b.host, at.Offset)
			if i == 0 {
				first = at
			}
			if left.Add(-1) > 0 {
				return
			}
			if err := failed.Load(); err != nil {
				notSent(c, *err)
				return
			}
			b.sent(c, strings.Join(ids, ","), h.queueID, first.QueueOffset, "")
		})
	}
}

func (b *Broker) receiveBatch(c *transport.Call, h *sendHeader) ([]*remoting.Message, error) {
	if _, err := b.destination(h); err != nil {
		return nil, err
	}
	if strings.HasPrefix(h.topic, store.RetryPrefix) {
		return nil, refuse(remoting.MessageIllegal, "batch request does not support retry group")
	}
	if len(c.Frame.Body) > b.opt.maxMessage {
		return nil, store.ErrOversize
	}
	items, err := remoting.DecodeBatch(c.Frame.Body)
	if err != nil {
		return nil, refuse(remoting.MessageIllegal, "%v", err)
	}
	if len(items) > maxBatchMessages {
		return nil, refuse(remoting.MessageIllegal, "batch of %d messages", len(items))
	}
	messages := make([]*remoting.Message, len(items))
	for i, item := range items {
		messages[i] = &remoting.Message{
			Topic: h.topic, QueueID: h.queueID, Flag: item.Flag, SysFlag: h.sysFlag,
			BornTimestamp: h.born, BornHost: c.Conn.Remote, ReconsumeTimes: h.reconsumed,
			Body: item.Body, Properties: stamp(item.Properties),
		}
		if isPrepared(messages[i]) {
			return nil, refuse(remoting.MessageIllegal, "a batch cannot be transactional")
		}
		if err := b.checkSize(messages[i]); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

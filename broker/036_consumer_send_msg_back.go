package broker

import (
	"strconv"
	"strings"

	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// CONSUMER_SEND_MSG_BACK (36): a consumer could not process a message; it is to
// come again later, or go to the dead letters.
//
// Source: Apache RocketMQ 5.3.3, AbstractSendMessageProcessor.consumerSendMsgBack.
//
// Ext: group, offset (physical), delayLevel, originMsgId, originTopic, unitMode,
// maxReconsumeTimes.
//
// Answer: 0 when the retry is on disk; 1 when the message is not there; none
// when the message cannot be read, or the retry stored, now: the Go client takes
// any answer for a stored retry, and keeps the message only when there is none.
//
// Behaviour:
//   - The message is stored again for %RETRY%group, reconsumeTimes one higher,
//     on delay level delayLevel, or 3 + reconsumeTimes if that is 0.
//   - RETRY_TOPIC keeps the first topic, ORIGIN_MESSAGE_ID the first id.
//   - Consumed maxReconsumeTimes times already, or delayLevel below 0: it goes
//     to %DLQ%group at once. A group without the field has 16.
func (b *Broker) consumerSendMsgBack(c *transport.Call) error {
	f := &fields{ext: c.Frame.Ext}
	group, offset, level := f.text("group"), f.int64("offset"), f.int32Or("delayLevel", 0)
	limit := f.int32Or("maxReconsumeTimes", defaultMaxReconsume)
	if f.err != nil {
		return f.err
	}
	m, err := b.store.Load(offset)
	if err != nil && !store.Unreadable(err) { // for now: the consumer keeps what gets no answer
		b.failures.reportEach("read a message that comes back", err)
		c.Silent()
		return nil
	}
	if err != nil {
		return refuse(remoting.SystemError, "look message by offset failed, %d", offset)
	}
	b.markRetry(&m)
	if err := b.retryDestination(&m, strings.Clone(group), level, limit); err != nil {
		b.failures.reportEach("store a retry", err)
		c.Silent()
		return nil
	}
	m.ReconsumeTimes++
	m.PreparedTransactionOffset = 0
	b.store.Delays.Schedule(&m)
	b.store.Put(&m, func(_ store.Stored, err error) {
		if err != nil {
			b.failures.reportEach("store a retry", err)
			c.Silent()
			return
		}
		c.Reply(remoting.Success, "")
	})
	return nil
}

// markRetry keeps where the message came from.
func (b *Broker) markRetry(m *remoting.Message) {
	m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyWaitStoreMsgOK, "false")
	if _, ok := remoting.Property(m.Properties, remoting.PropertyRetryTopic); !ok {
		m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyRetryTopic, m.Topic)
	}
	if _, ok := remoting.Property(m.Properties, remoting.PropertyOriginMessageID); !ok {
		id := remoting.MessageID(m.StoreHost, m.PhysicalOffset)
		m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyOriginMessageID, id)
	}
}

// retryDestination sets the topic and the delay level of the next delivery.
func (b *Broker) retryDestination(m *remoting.Message, group string, level, limit int32) error {
	cfg := store.RetryTopic(group)
	switch {
	case m.ReconsumeTimes >= limit || level < 0:
		cfg, level = store.DeadLetterTopic(group), 0
	case level == 0:
		level = 3 + m.ReconsumeTimes
	}
	t, err := b.store.Topics.Ensure(cfg)
	if err != nil {
		return err
	}
	m.Topic, m.QueueID = t.Name, 0
	m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyDelayTimeLevel, strconv.Itoa(int(level)))
	return nil
}

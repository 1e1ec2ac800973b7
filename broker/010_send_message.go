package broker

import (
	"fmt"

	"boxoffice/broker/remoting"
)

// SEND_MESSAGE (10): a producer sends one message.
//
// Source: Apache RocketMQ 5.3.3, SendMessageProcessor, AbstractSendMessageProcessor.
//
// Ext: producerGroup, topic, defaultTopic, defaultTopicQueueNums, queueId,
// sysFlag, bornTimestamp, flag, properties, reconsumeTimes, unitMode,
// maxReconsumeTimes, batch. Body: the message body.
//
// Answer: 0 with msgId (store host and physical offset), queueId, queueOffset,
// transactionId (the UNIQ_KEY), MSG_REGION, TRACE_ON.
// 1 bad field, 13 too large, 14 the log has failed, 16 not writable or a topic of
// the broker's own, 17 unknown topic without auto-create, 29 illegal topic or queue.
//
// Behaviour:
//   - Answered when the message is on disk, never before.
//   - A queueId below 0 means any queue.
//   - TRAN_MSG=true makes it a half message: stored on RMQ_SYS_TRANS_HALF_TOPIC
//     until END_TRANSACTION.
//   - A half message with DELAY or a TIMER_* property is refused with 13. The
//     real broker accepts it and loses it.
//   - DELAY=n puts it on delay level n; above the highest level counts as it.
//   - TIMER_* without TRAN_MSG is refused with 13: there is no timer wheel.
//   - A retry (%RETRY%) that has been consumed too often goes to %DLQ%.
func (b *Broker) sendMessage(c *call) { b.sendOne(c, longSendNames()) }

func (b *Broker) sendOne(c *call, names sendNames) {
	h, err := parseSend(c.frame.Ext, names)
	if err != nil {
		c.replyError(err)
		return
	}
	if h.batch {
		b.sendAll(c, &h)
		return
	}
	m, err := b.receive(c, &h)
	if err != nil {
		c.notSent(err)
		return
	}
	queueID := m.QueueID
	key, _ := remoting.Property(m.Properties, remoting.PropertyUniqueKey)
	if isPrepared(m) {
		prepareHalf(m)
	} else {
		b.schedule(m)
	}
	b.put(m, cause{kind: recordMessage}, func(at stored, err error) {
		if err != nil {
			c.notSent(err)
			return
		}
		b.sent(c, remoting.MessageID(b.host, at.offset), queueID, at.queueOffset, key)
	})
}

// receive makes the message of a send request, on the topic and queue it is for.
func (b *Broker) receive(c *call, h *sendHeader) (*remoting.Message, error) {
	if _, err := b.destination(h); err != nil {
		return nil, err
	}
	if err := b.divertExhausted(h); err != nil {
		return nil, err
	}
	if _, ok := remoting.Property(h.properties, remoting.PropertyUniqueKey); !ok {
		h.properties = remoting.SetProperty(h.properties, remoting.PropertyUniqueKey, b.uniqueKey())
	}
	m := &remoting.Message{
		Topic: h.topic, QueueID: h.queueID, Flag: h.flag, SysFlag: h.sysFlag,
		BornTimestamp: h.born, BornHost: c.conn.remote, ReconsumeTimes: h.reconsumed,
		Body: c.frame.Body, Properties: stamp(h.properties),
	}
	if err := b.checkSize(m); err != nil {
		return nil, err
	}
	if timed(m.Properties) {
		return nil, refuse(remoting.MessageIllegal, "timer messages are not supported, use a delay level")
	}
	if isPrepared(m) && levelOf(m.Properties) > 0 {
		return nil, refuse(remoting.MessageIllegal, "a transactional message cannot be delayed")
	}
	return m, nil
}

func (b *Broker) checkSize(m *remoting.Message) error {
	if len(m.Body) > b.opt.maxMessage || len(m.Properties) > maxProperties-propertyReserve {
		return fmt.Errorf("%w: body %d, properties %d bytes", errOversize, len(m.Body), len(m.Properties))
	}
	return nil
}

// divertExhausted sends a retry that its consumer sends itself to the dead
// letters when it was consumed too often, or at once when the group consumes
// in order (SendMessageProcessor.handleRetryAndDLQ).
func (b *Broker) divertExhausted(h *sendHeader) error {
	if len(h.topic) <= len(retryPrefix) || h.topic[:len(retryPrefix)] != retryPrefix {
		return nil
	}
	group := h.topic[len(retryPrefix):]
	if h.reconsumed <= h.maxReconsume && !b.locks.anyHeld(group) {
		return nil
	}
	t, err := b.topics.ensure(deadLetterTopic(group))
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
	return flag == "true" && (m.ReconsumeTimes == 0 || levelOf(m.Properties) == 0)
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

package broker

import (
	"strings"
	"sync/atomic"

	"boxoffice/broker/remoting"
)

// SEND_BATCH_MESSAGE (320): a producer sends several messages to one queue.
//
// Source: Apache RocketMQ 5.3.3, SendMessageProcessor.sendBatchMessage.
//
// Ext: as SEND_MESSAGE_V2. Body: for each message total size 4, magic 4, body
// CRC 4, flag 4, body length 4, body, properties length 2, properties.
//
// Answer: as SEND_MESSAGE, with the message ids separated by commas and the
// queueOffset of the first.
//
// Behaviour:
//   - The messages get consecutive records. After a crash before the answer,
//     some of them may be there and the rest not.
//   - DELAY and TIMER_* properties are ignored, as by the real broker.
//   - Retry topics and half messages are refused with 13.
func (b *Broker) sendBatchMessage(c *call) {
	h, err := parseSend(c.frame.Ext, shortSendNames())
	if err != nil {
		c.replyError(err)
		return
	}
	b.sendAll(c, &h)
}

// maxBatchMessages bounds the messages of one batch.
const maxBatchMessages = 4096

func (b *Broker) sendAll(c *call, h *sendHeader) {
	messages, err := b.receiveBatch(c, h)
	if err != nil {
		c.notSent(err)
		return
	}
	ids := make([]string, len(messages))
	var first stored
	var failed atomic.Pointer[error]
	var left atomic.Int32
	left.Store(int32(len(messages)))
	for i, m := range messages {
		b.put(m, cause{kind: recordMessage}, func(at stored, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
			ids[i] = remoting.MessageID(b.host, at.offset)
			if i == 0 {
				first = at
			}
			if left.Add(-1) > 0 {
				return
			}
			if err := failed.Load(); err != nil {
				c.notSent(*err)
				return
			}
			b.sent(c, strings.Join(ids, ","), h.queueID, first.queueOffset, "")
		})
	}
}

func (b *Broker) receiveBatch(c *call, h *sendHeader) ([]*remoting.Message, error) {
	if _, err := b.destination(h); err != nil {
		return nil, err
	}
	if strings.HasPrefix(h.topic, retryPrefix) {
		return nil, refuse(remoting.MessageIllegal, "batch request does not support retry group")
	}
	if len(c.frame.Body) > b.opt.maxMessage {
		return nil, errOversize
	}
	items, err := remoting.DecodeBatch(c.frame.Body)
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
			BornTimestamp: h.born, BornHost: c.conn.remote, ReconsumeTimes: h.reconsumed,
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

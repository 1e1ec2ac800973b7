package broker

import "boxoffice/broker/internal/transport"

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
// 1 bad field or no body, 13 too large, 14 the log has failed, 16 not writable or a topic of
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
func (b *Broker) sendMessage(c *transport.Call) error { return b.sendOne(c, longSendNames()) }

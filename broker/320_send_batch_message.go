package broker

import "boxoffice/broker/internal/transport"

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
func (b *Broker) sendBatchMessage(c *transport.Call) error {
	h, err := parseSend(c.Frame.Ext, shortSendNames())
	if err != nil {
		return err
	}
	b.sendAll(c, &h)
	return nil
}

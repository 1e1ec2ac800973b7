package broker

import (
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// UNLOCK_BATCH_MQ (42): an orderly consumer gives queues back.
//
// Source: Apache RocketMQ 5.3.3, AdminBrokerProcessor.unlockBatchMQ.
//
// Body: as LOCK_BATCH_MQ.
//
// Answer: 0. Queues that another client owns are left alone.
func (b *Broker) unlockBatchMQ(c *transport.Call) error {
	body, err := parseLock(c.Frame.Body)
	if err != nil {
		return err
	}
	b.locks.release(body.Group, body.Client, body.Queues)
	c.Reply(remoting.Success, "")
	return nil
}

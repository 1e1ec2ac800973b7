package broker

import "boxoffice/broker/internal/transport"

// LOCK_BATCH_MQ (41): an orderly consumer claims queues for itself.
//
// Source: Apache RocketMQ 5.3.3, AdminBrokerProcessor.lockBatchMQ,
// RebalanceLockManager.
//
// Body: JSON {consumerGroup, clientId, mqSet: [{topic, brokerName, queueId}]}.
//
// Answer: 0 with body {"lockOKMQSet": [...]}, the queues it owns now.
//
// Behaviour: a lock lasts 60 s of real time and is renewed by asking again. It
// does not survive a restart.
func (b *Broker) lockBatchMQ(c *transport.Call) error {
	body, err := parseLock(c.Frame.Body)
	if err != nil {
		return err
	}
	owned := b.locks.acquire(body.Group, body.Client, body.Queues)
	return c.ReplyJSON(map[string][]queueName{"lockOKMQSet": owned})
}

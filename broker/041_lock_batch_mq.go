package broker

import (
	"encoding/json"
	"fmt"

	"boxoffice/broker/remoting"
)

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
func (b *Broker) lockBatchMQ(c *call) {
	body, err := parseLock(c.frame.Body)
	if err != nil {
		c.replyError(err)
		return
	}
	owned := b.locks.acquire(body.Group, body.Client, body.Queues)
	c.answerJSON(map[string][]queueName{"lockOKMQSet": owned})
}

type lockBody struct {
	Group  string      `json:"consumerGroup"`
	Client string      `json:"clientId"`
	Queues []queueName `json:"mqSet"`
}

func parseLock(raw []byte) (lockBody, error) {
	var body lockBody
	if err := json.Unmarshal(raw, &body); err != nil {
		return body, refuse(remoting.SystemError, "decode lock request: %v", err)
	}
	if body.Group == "" || body.Client == "" {
		return body, fmt.Errorf("%w: consumerGroup or clientId", errField)
	}
	return body, nil
}

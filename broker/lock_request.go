package broker

import (
	"encoding/json"
	"fmt"

	"boxoffice/broker/remoting"
)

// lockBody is the body of LOCK_BATCH_MQ and UNLOCK_BATCH_MQ.
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

package mq

import "strconv"

// messageQueue is one queue of a topic on one broker, by the names that the brokers use.
type messageQueue struct {
	broker string
	topic  string
	id     int
}

// fields are the fields by which a request to the broker names the queue.
func (q messageQueue) fields() map[string]string {
	return map[string]string{"topic": q.topic, "queueId": strconv.Itoa(q.id)}
}

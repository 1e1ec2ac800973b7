package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// HEART_BEAT (34): a client says that it is alive, which producer groups it
// has, and what its consumer groups subscribe to.
//
// Source: Apache RocketMQ 5.3.3, ClientManageProcessor.heartBeat, ConsumerManager.
//
// Body: JSON {clientID, producerDataSet: [{groupName}], consumerDataSet:
// [{groupName, messageModel, subscriptionDataSet: [{topic, subString,
// subVersion, expressionType}]}]}.
//
// Answer: 0; 1 when the body cannot be read, or a group cannot be served. The
// other groups are.
//
// Behaviour:
//   - The client is registered, and %RETRY%group exists, before the answer.
//   - When a member joins or a subscription changes, every member of the group
//     gets NOTIFY_CONSUMER_IDS_CHANGED, the new one even before the answer.
//   - The subscriptions of the last heartbeat hold for the whole group.
//   - A client is gone 120 s after its last heartbeat, or when its connection
//     is closed.
func (b *Broker) heartBeat(c *transport.Call) error {
	var beat heartBeatBody
	if err := json.Unmarshal(c.Frame.Body, &beat); err != nil {
		return refuse(remoting.SystemError, "decode heartbeat: %v", err)
	}
	for _, p := range beat.Producers {
		if p.Group != "" {
			b.groups.joinProducer(p.Group, c.Conn)
		}
	}
	// A client sends one beat for all of its groups: a bad one must not keep the others out.
	var refused error
	for _, one := range beat.Consumers {
		if err := b.joinConsumer(c.Conn, beat.ClientID, &one); err != nil {
			refused = errors.Join(refused, fmt.Errorf("group %.300q: %w", one.Group, err))
		}
	}
	if refused != nil {
		b.log.Warn("a heartbeat names a group that cannot be served", "client", beat.ClientID, "error", refused)
		return refuse(remoting.SystemError, "%v", refused)
	}
	c.Reply(remoting.Success, "")
	return nil
}

type heartBeatBody struct {
	ClientID  string         `json:"clientID"`
	Producers []producerBeat `json:"producerDataSet"`
	Consumers []consumerBeat `json:"consumerDataSet"`
}

type producerBeat struct {
	Group string `json:"groupName"`
}

type consumerBeat struct {
	Group         string             `json:"groupName"`
	MessageModel  json.RawMessage    `json:"messageModel"`
	Subscriptions []subscriptionBeat `json:"subscriptionDataSet"`
}

type subscriptionBeat struct {
	Topic      string `json:"topic"`
	Expression string `json:"subString"`
	Version    int64  `json:"subVersion"`
	Kind       string `json:"expressionType"`
}

func (b *Broker) joinConsumer(c *transport.Conn, client string, beat *consumerBeat) error {
	if client == "" || beat.Group == "" {
		return refuse(remoting.SystemError, "heartbeat without client id or group")
	}
	if len(beat.Subscriptions) > maxSubscriptions {
		return refuse(remoting.SystemError, "%d subscriptions", len(beat.Subscriptions))
	}
	if _, err := b.store.Topics.Ensure(store.RetryTopic(beat.Group)); err != nil {
		return refuse(remoting.SystemError, "create retry topic: %v", err)
	}
	subs := make(map[string]subscription, len(beat.Subscriptions))
	for _, s := range beat.Subscriptions {
		subs[s.Topic] = subscription{
			expression: s.Expression, kind: s.Kind, version: s.Version, filter: remoting.ParseTags(s.Expression),
		}
	}
	broadcast := strings.EqualFold(strings.Trim(string(beat.MessageModel), `"`), "BROADCASTING")
	b.notify(b.groups.joinConsumer(beat.Group, client, c, broadcast, subs))
	return nil
}

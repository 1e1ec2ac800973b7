package broker

import "boxoffice/broker/remoting"

// NOTIFY_CONSUMER_IDS_CHANGED (40), broker to client: the members of a
// consumer group have changed; the client balances its queues at once.
//
// Source: Apache RocketMQ 5.3.3, Broker2Client.notifyConsumerIdsChanged,
// DefaultConsumerIdsChangeListener.
//
// Ext: consumerGroup. One-way, no answer.
//
// Behaviour: sent to every member on join, leave and change of subscription,
// to the one that joins too; not in groups that consume by broadcasting.
func (b *Broker) notify(notices []notice) {
	for _, n := range notices {
		for _, c := range n.members {
			b.push(c, &remoting.Frame{
				Code: remoting.NotifyConsumerIDsChanged,
				Ext:  map[string]string{"consumerGroup": n.group},
			})
		}
	}
}

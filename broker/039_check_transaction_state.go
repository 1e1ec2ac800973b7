package broker

import (
	"strconv"

	"boxoffice/broker/internal/store"
	"boxoffice/broker/remoting"
)

// CHECK_TRANSACTION_STATE (39), broker to client: what has become of the
// transaction of this half message?
//
// Source: Apache RocketMQ 5.3.3, AbstractTransactionalMessageCheckListener,
// Broker2Client.checkProducerTransactionState.
//
// Ext: tranStateTableOffset, commitLogOffset, msgId and transactionId (the
// UNIQ_KEY), offsetMsgId, topic, bname. Body: the half message, encoded, on its
// real topic. One-way: the client answers with END_TRANSACTION and
// fromTransactionCheck=true, or not at all.
//
// Behaviour:
//   - Sent to one live connection of the producer group, in turn. Without any,
//     the check counts all the same, as in the real broker.
//   - The real broker stores the half again with new offsets each time. Here it
//     stays where it is and the check is counted by a small record, so the
//     offsets in every check are those of the send.
//   - TRANSACTION_CHECK_TIMES is the number of this check, from 1. WAIT=false is
//     what the real broker stores the half again with; it stays in the message.
func (b *Broker) sendCheck(one store.Half) {
	m, err := b.store.Load(one.Offset)
	if err != nil {
		b.log.Error("read half message to check", "offset", one.Offset, "error", err)
		return
	}
	group, _ := remoting.Property(m.Properties, remoting.PropertyProducerGroup)
	c := b.groups.producer(group)
	if c == nil {
		b.log.Warn("no producer to check transaction with", "group", group, "offset", one.Offset, "checks", one.Checks)
		return
	}
	key, _ := remoting.Property(m.Properties, remoting.PropertyUniqueKey)
	ext := map[string]string{
		"tranStateTableOffset": strconv.FormatInt(m.QueueOffset, 10),
		"commitLogOffset":      strconv.FormatInt(m.PhysicalOffset, 10),
		"msgId":                key,
		"transactionId":        key,
		"offsetMsgId":          remoting.MessageID(m.StoreHost, m.PhysicalOffset),
		"topic":                m.Topic,
		"bname":                brokerName,
	}
	if err := store.RealDestination(&m); err != nil {
		b.log.Error("check half message", "offset", one.Offset, "error", err)
		return
	}
	m.Properties = checkedProperties(m.Properties, one.Checks)
	b.push(c, &remoting.Frame{
		Code: remoting.CheckTransactionState, Ext: ext, Body: remoting.AppendMessage(nil, &m),
	})
}

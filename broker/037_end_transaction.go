package broker

import (
	"strconv"

	"boxoffice/broker/remoting"
)

// END_TRANSACTION (37): a producer commits or rolls back a half message.
//
// Source: Apache RocketMQ 5.3.3, EndTransactionProcessor.
//
// Ext: producerGroup, tranStateTableOffset (queueOffset of the half),
// commitLogOffset, commitOrRollback (8 commit, 12 rollback, 0 unknown),
// fromTransactionCheck, msgId, transactionId.
//
// Answer: 0, or 1 when the half is not found or does not match, 604 when it is
// refused; none for unknown. The Go client ignores them all.
//
// Behaviour:
//   - The half is found by commitLogOffset in the log; PGROUP and queueOffset
//     must match. Whether it is still open plays no role: a commit that comes
//     twice, or after a rollback, delivers (again), exactly as the real broker
//     does. Consumers must be idempotent.
//   - Commit appends the message to its real topic with sysFlag 8; the same log
//     record ends the half, so no crash can come between the two.
//   - Rollback appends a small record. Unknown changes nothing.
//   - Neither has an fsync of its own, as on the real broker, which does not wait
//     for it (waitStoreMsgOK is false); here the next message's, or one within
//     2 ms, covers it, and only then is the message delivered.
//   - With CHECK_IMMUNITY_TIME_IN_SECONDS, a request that is older than that and
//     than the transaction timeout, and does not come from a check, is refused
//     with 604.
func (b *Broker) endTransaction(c *call) {
	f := &fields{ext: c.frame.Ext}
	group, offset, queueOffset := f.text("producerGroup"), f.int64("commitLogOffset"), f.int64("tranStateTableOffset")
	decision := f.int32("commitOrRollback")
	if f.err != nil {
		c.replyError(f.err)
		return
	}
	if decision != remoting.SysFlagCommit && decision != remoting.SysFlagRollback {
		c.silent()
		return
	}
	m, err := b.findHalf(group, offset, queueOffset)
	if err != nil {
		c.replyError(err)
		return
	}
	if b.tooLate(&m, f.boolean("fromTransactionCheck")) {
		c.reply(illegalOperation, "the transaction waits for its check-back")
		return
	}
	if decision == remoting.SysFlagCommit {
		b.commit(c, m)
		return
	}
	b.rollback(c, offset)
}

// illegalOperation is ResponseCode.ILLEGAL_OPERATION.
const illegalOperation = 604

// findHalf reads the half message a request means and checks that it is the one.
func (b *Broker) findHalf(group string, offset, queueOffset int64) (remoting.Message, error) {
	m, err := b.load(offset)
	if err != nil || m.Topic != topicHalf {
		return m, refuse(remoting.SystemError, "Find prepared transaction message failed")
	}
	if owner, _ := remoting.Property(m.Properties, remoting.PropertyProducerGroup); owner != group {
		return m, refuse(remoting.SystemError, "The producer group wrong")
	}
	if m.QueueOffset != queueOffset {
		return m, refuse(remoting.SystemError, "The transaction state table offset wrong")
	}
	if m.PhysicalOffset != offset {
		return m, refuse(remoting.SystemError, "The commit log offset wrong")
	}
	return m, nil
}

func (b *Broker) tooLate(m *remoting.Message, fromCheck bool) bool {
	if _, ok := remoting.Property(m.Properties, remoting.PropertyCheckImmunityTimeInSeconds); !ok || fromCheck {
		return false
	}
	return b.nowMs()-m.StoreTimestamp > max(immunityOf(m.Properties), b.opt.checkAfter.Milliseconds())
}

func (b *Broker) commit(c *call, m remoting.Message) {
	offset := m.PhysicalOffset
	if open, ok := b.halves.find(offset); ok && open.checks > 0 {
		m.Properties = checkedProperties(m.Properties, open.checks)
	}
	if err := realDestination(&m); err != nil {
		c.replyError(err)
		return
	}
	m.SysFlag = m.SysFlag&^remoting.SysFlagTransactionMask | remoting.SysFlagCommit
	m.PreparedTransactionOffset = offset
	b.put(&m, cause{kind: recordFinished, source: offset}, func(_ stored, err error) {
		if err != nil {
			c.replyError(err)
			return
		}
		c.reply(remoting.Success, "")
	})
}

// realDestination puts a half or delayed message back on the topic and queue
// its producer sent it to. The properties stay, as consumers of a real broker
// see them.
func realDestination(m *remoting.Message) error {
	topic, _ := remoting.Property(m.Properties, remoting.PropertyRealTopic)
	text, _ := remoting.Property(m.Properties, remoting.PropertyRealQueueID)
	id, err := strconv.ParseInt(text, 10, 32)
	if topic == "" || err != nil {
		return refuse(remoting.SystemError, "message at %d has no real topic", m.PhysicalOffset)
	}
	m.Topic, m.QueueID = topic, int32(id)
	return nil
}

// forget ends a half message in the log without a message for anybody.
func (b *Broker) forget(offset int64) error {
	_, _, err := b.appendRollback(offset)
	return err
}

func (b *Broker) appendRollback(offset int64) (at, end int64, err error) {
	return b.journal.AppendSoon(func(dst []byte, _ int64) []byte {
		b.halves.finish(offset)
		return recordRollback(dst, offset, b.nowMs())
	})
}

func (b *Broker) rollback(c *call, offset int64) {
	_, end, err := b.appendRollback(offset)
	if err != nil {
		c.replyError(err)
		return
	}
	b.journal.OnDurable(end, func(err error) {
		if err != nil {
			c.replyError(err)
			return
		}
		c.reply(remoting.Success, "")
	})
}

package broker

import (
	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
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
func (b *Broker) endTransaction(c *transport.Call) error {
	f := &fields{ext: c.Frame.Ext}
	group, offset, queueOffset := f.text("producerGroup"), f.int64("commitLogOffset"), f.int64("tranStateTableOffset")
	decision := f.int32("commitOrRollback")
	if f.err != nil {
		return f.err
	}
	if decision != remoting.SysFlagCommit && decision != remoting.SysFlagRollback {
		c.Silent()
		return nil
	}
	m, err := b.findHalf(group, offset, queueOffset)
	if err != nil {
		return err
	}
	if b.tooLate(&m, f.boolean("fromTransactionCheck")) {
		return refuse(illegalOperation, "the transaction waits for its check-back")
	}
	if decision == remoting.SysFlagCommit {
		return b.commit(c, m)
	}
	b.store.Rollback(offset, replyDone(c))
	return nil
}

// illegalOperation is ResponseCode.ILLEGAL_OPERATION.
const illegalOperation = 604

// findHalf reads the half message a request means and checks that it is the one.
func (b *Broker) findHalf(group string, offset, queueOffset int64) (remoting.Message, error) {
	m, err := b.store.Load(offset)
	if err != nil || m.Topic != store.HalfTopic {
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
	return b.nowMs()-m.StoreTimestamp > max(store.Immunity(m.Properties), b.opt.checkAfter.Milliseconds())
}

func (b *Broker) commit(c *transport.Call, m remoting.Message) error {
	offset := m.PhysicalOffset
	if open, ok := b.store.Halves.Find(offset); ok && open.Checks > 0 {
		m.Properties = checkedProperties(m.Properties, open.Checks)
	}
	if err := store.RealDestination(&m); err != nil {
		return err
	}
	m.SysFlag = m.SysFlag&^remoting.SysFlagTransactionMask | remoting.SysFlagCommit
	m.PreparedTransactionOffset = offset
	b.store.FinishHalf(offset, &m, replyDone(c))
	return nil
}

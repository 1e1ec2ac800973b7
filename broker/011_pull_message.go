package broker

import (
	"time"

	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// PULL_MESSAGE (11): a consumer reads a queue from an offset.
//
// Source: Apache RocketMQ 5.3.3, PullMessageProcessor, DefaultMessageStore.getMessage.
//
// Ext: consumerGroup, topic, queueId, queueOffset, maxMsgNums, sysFlag (1 commit
// commitOffset, 2 may be suspended, 4 subscription is in the request),
// commitOffset, suspendTimeoutMillis, subscription, subVersion, expressionType.
//
// Answer, with nextBeginOffset, minOffset, maxOffset, suggestWhichBrokerId,
// topicSysFlag, groupSysFlag, and the name of the GetMessageStatus as the remark:
// 0 messages (body: encoded messages one after the other), 19 nothing there,
// 20 nothing that matches the tags up to nextBeginOffset, 21 the offset is out of
// range and nextBeginOffset is the corrected one.
// 1 bad field or expression type, 16 not readable, 17 unknown topic, 24 the group
// or its subscription is not known, 25 the subscription is old, 29 no such queue.
//
// Behaviour:
//   - Only messages that are on disk are delivered.
//   - Tags are compared by hash; the client compares the text.
//   - Nothing there and sysFlag 2: the request waits until a message with a
//     wanted tag arrives, at most suspendTimeoutMillis (and 30 s) of real time.
func (b *Broker) pullMessage(c *transport.Call) error {
	p, err := b.parsePull(c)
	if err != nil {
		return err
	}
	b.store.Offsets.Commit(p.group, p.queue, p.commit)
	r := b.scan(p, p.offset)
	if r.code == remoting.PullNotFound && p.suspend > 0 {
		p.deadline = time.Now().Add(p.suspend)
		b.polls.hold(p, p.offset)
		return nil
	}
	p.finish(r)
	return nil
}

const (
	maxSuspend = 30 * time.Second

	// Bounds of one pull (maxTransferBytesOnMessageInMemory,
	// maxFilterMessageSize / ConsumeQueue.CQ_STORE_UNIT_SIZE).
	maxPullBytes = 256 << 10
	maxPullCount = 1024
	maxPullScan  = 16000
)

func (b *Broker) parsePull(c *transport.Call) (*pull, error) {
	f := &fields{ext: c.Frame.Ext}
	topic, id, flags := f.text("topic"), f.int32("queueId"), f.int32("sysFlag")
	p := &pull{
		call: c, group: f.text("consumerGroup"), offset: f.int64("queueOffset"),
		count: int(min(max(f.int32("maxMsgNums"), 1), maxPullCount)), commit: -1,
	}
	commit, suspend := f.int64Or("commitOffset", 0), f.int64Or("suspendTimeoutMillis", 0)
	if f.err != nil {
		return nil, f.err
	}
	if flags&remoting.PullSysFlagCommitOffset != 0 {
		p.commit = commit
	}
	if flags&remoting.PullSysFlagSuspend != 0 && suspend > 0 {
		p.suspend = time.Duration(min(suspend, maxSuspend.Milliseconds())) * time.Millisecond
	}
	if err := b.pullQueue(p, topic, id); err != nil {
		return nil, err
	}
	return p, b.pullFilter(p, topic, flags&remoting.PullSysFlagSubscription != 0)
}

func (b *Broker) pullQueue(p *pull, topic string, id int32) error {
	t := b.store.Topics.Find(topic)
	switch {
	case t == nil:
		return refuse(remoting.TopicNotExist, "topic[%s] not exist, apply first please!", topic)
	case !t.Readable():
		return refuse(remoting.NoPermission, "the topic[%s] pulling message is forbidden", topic)
	case id < 0 || id >= t.ReadQueues:
		return refuse(remoting.InvalidParameter, "queueId[%d] is illegal, topic %s has %d read queues", id, topic, t.ReadQueues)
	}
	p.queue = t.Queues[id]
	return nil
}

func (b *Broker) pullFilter(p *pull, topic string, inRequest bool) error {
	ext := p.call.Frame.Ext
	if inRequest {
		if !tagExpression(ext["expressionType"]) {
			return refuse(remoting.SystemError, "the broker does not support filtering by %s", ext["expressionType"])
		}
		p.filter = remoting.ParseTags(ext["subscription"])
		return nil
	}
	sub, online, found := b.groups.subscribed(p.group, topic)
	version := &fields{ext: ext}
	switch {
	case !online:
		return refuse(remoting.SubscriptionNotExist, "the consumer's group info not exist")
	case !found:
		return refuse(remoting.SubscriptionNotExist, "the consumer's subscription not exist")
	case sub.version < version.int64Or("subVersion", 0):
		return refuse(remoting.SubscriptionNotLatest, "the consumer's subscription not latest")
	case !tagExpression(sub.kind):
		return refuse(remoting.SystemError, "the broker does not support filtering by %s", sub.kind)
	}
	p.filter = sub.filter
	return nil
}

func tagExpression(kind string) bool { return kind == "" || kind == "TAG" }

// scan reads the queue from an offset for what the pull wants.
func (b *Broker) scan(p *pull, from int64) pulled {
	lowest, end := p.queue.Bounds()
	r := pulled{code: remoting.PullNotFound, next: from, lowest: lowest, end: end}
	switch {
	case end == 0 && from == 0:
		r.remark = "NO_MESSAGE_IN_QUEUE"
		return r
	case from == end:
		r.remark = "OFFSET_OVERFLOW_ONE"
		return r
	case from < lowest:
		r.code, r.next, r.remark = remoting.PullOffsetMoved, lowest, "OFFSET_TOO_SMALL"
		return r
	case from > end:
		r.code, r.next, r.remark = remoting.PullOffsetMoved, end, "OFFSET_OVERFLOW_BADLY"
		return r
	}
	b.collect(p, &r)
	return r
}

// collect fills in the messages from r.next on.
func (b *Broker) collect(p *pull, r *pulled) {
	window := 2 * p.count
	if !p.filter.All {
		window = maxPullScan
	}
	found := 0
	r.code, r.remark = remoting.PullRetryImmediately, "NO_MATCHED_MESSAGE"
	for _, e := range p.queue.Window(make([]store.Entry, 0, min(window, int(r.end-r.next))), r.next, window) {
		if found == p.count || len(r.body) >= maxPullBytes {
			break
		}
		if !p.filter.Match(e.Tag) {
			r.next++
			continue
		}
		raw, err := b.store.LoadRaw(e.Offset)
		if err != nil && found == 0 {
			b.lost(p, r, e, err)
			return
		}
		if err != nil {
			break
		}
		r.body = append(r.body, raw...)
		r.next++
		found++
	}
	if found == 0 {
		return
	}
	r.code, r.remark = remoting.Success, "FOUND"
	if b.deliverTwice.Load() && 2*len(r.body) <= remoting.MaxFrameBytes/2 {
		r.body = append(r.body, r.body...)
	}
}

// lost decides on a message that could not be read: retention has just
// deleted it, or the log is damaged.
func (b *Broker) lost(p *pull, r *pulled, e store.Entry, err error) {
	if first := b.store.First(); e.Offset < first {
		r.code, r.next, r.remark = remoting.PullOffsetMoved, p.queue.LowestNotBefore(first), "OFFSET_TOO_SMALL"
		return
	}
	b.log.Error("read message", "topic", p.queue.Topic, "queue", p.queue.ID, "offset", e.Offset, "error", err)
	r.code, r.remark = remoting.SystemError, err.Error()
}

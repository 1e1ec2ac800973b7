package broker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"boxoffice/broker/remoting"
)

const (
	regionName  = "DefaultRegion"
	clusterName = "DefaultCluster"
	brokerName  = "broker-a"
)

// defaultMaxReconsume is a group's retryMaxTimes (SubscriptionGroupConfig).
const defaultMaxReconsume = 16

// sendHeader is the header of the three send requests.
type sendHeader struct {
	group        string
	topic        string
	queues       int32 // defaultTopicQueueNums: queues of an auto-created topic
	queueID      int32
	sysFlag      int32
	born         int64
	flag         int32
	properties   string
	reconsumed   int32
	maxReconsume int32
	batch        bool
}

// sendNames are the ext field names of a send request, in sendHeader's order.
type sendNames [11]string

func longSendNames() sendNames {
	return sendNames{"producerGroup", "topic", "defaultTopicQueueNums", "queueId", "sysFlag",
		"bornTimestamp", "flag", "properties", "reconsumeTimes", "maxReconsumeTimes", "batch"}
}

func shortSendNames() sendNames {
	return sendNames{"a", "b", "d", "e", "f", "g", "h", "i", "j", "l", "m"}
}

func parseSend(ext map[string]string, n sendNames) (sendHeader, error) {
	f := &fields{ext: ext}
	h := sendHeader{
		group: f.text(n[0]), topic: f.text(n[1]), queues: f.int32Or(n[2], 4),
		queueID: f.int32(n[3]), sysFlag: f.int32(n[4]), born: f.int64(n[5]), flag: f.int32Or(n[6], 0),
		properties: ext[n[7]], reconsumed: f.int32Or(n[8], 0),
		maxReconsume: f.int32Or(n[9], defaultMaxReconsume), batch: f.boolean(n[10]),
	}
	return h, f.err
}

// refusal is an answer that ends a request: a response code and a remark.
type refusal struct {
	code   int
	remark string
}

func (r *refusal) Error() string { return fmt.Sprintf("refused with code %d: %s", r.code, r.remark) }

func refuse(code int, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// replyError answers a call with what an error means to a client.
func (c *call) replyError(err error) { c.answer(c.failed(err)) }

func (c *call) failed(err error) *remoting.Frame {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return c.frame.Reply(r.code, r.remark)
	case errors.Is(err, errOversize):
		return c.frame.Reply(remoting.MessageIllegal, err.Error())
	case errors.Is(err, errNoQueue), errors.Is(err, errField), errors.Is(err, errNotFound), errors.Is(err, errNotMessage):
		return c.frame.Reply(remoting.SystemError, err.Error())
	}
	return c.frame.Reply(remoting.ServiceNotAvailable, err.Error())
}

// notSent answers a send with an error.
func (c *call) notSent(err error) { c.answer(stampAnswer(c.failed(err))) }

// stampAnswer adds what every answer to a send carries.
func stampAnswer(f *remoting.Frame) *remoting.Frame {
	f.Ext["MSG_REGION"], f.Ext["TRACE_ON"] = regionName, "true"
	return f
}

// destination returns the topic and queue a send goes to, creating the topic
// where that is allowed (AbstractSendMessageProcessor.msgCheck).
func (b *Broker) destination(h *sendHeader) (*topic, error) {
	if reservedForBroker(h.topic) {
		return nil, refuse(remoting.NoPermission, "sending to topic %s is forbidden", h.topic)
	}
	if err := validTopicName(h.topic); err != nil {
		return nil, refuse(remoting.InvalidParameter, "%v", err)
	}
	t := b.topics.find(h.topic)
	if t == nil {
		var err error
		if t, err = b.autoCreate(h); err != nil {
			return nil, err
		}
	}
	if !t.writable() {
		return nil, refuse(remoting.NoPermission, "sending to topic %s is forbidden", h.topic)
	}
	if h.queueID >= t.WriteQueues {
		return nil, refuse(remoting.InvalidParameter, "queueId[%d] is illegal, topic %s has %d write queues", h.queueID, h.topic, t.WriteQueues)
	}
	if h.queueID < 0 {
		h.queueID = rand.Int32N(t.WriteQueues)
	}
	return t, nil
}

func (b *Broker) autoCreate(h *sendHeader) (*topic, error) {
	cfg := topicConfig{Name: strings.Clone(h.topic), Perm: permRead | permWrite}
	switch {
	case strings.HasPrefix(h.topic, retryPrefix), strings.HasPrefix(h.topic, deadLetterPrefix):
		cfg.ReadQueues, cfg.WriteQueues = 1, 1
	case b.opt.autoCreate:
		n := min(max(h.queues, 1), templateQueues)
		cfg.ReadQueues, cfg.WriteQueues = n, n
	default:
		return nil, refuse(remoting.TopicNotExist, "topic[%s] not exist, apply first please!", h.topic)
	}
	t, err := b.topics.ensure(cfg)
	if err != nil {
		return nil, fmt.Errorf("create topic: %w", err)
	}
	return t, nil
}

// stamp adds the properties that the broker gives every message.
func stamp(properties string) string {
	if !strings.Contains(properties, remoting.PropertyMsgRegion) && !strings.Contains(properties, remoting.PropertyTraceSwitch) &&
		!strings.Contains(properties, remoting.PropertyCluster) {
		return appendStamp(properties)
	}
	properties = remoting.SetProperty(properties, remoting.PropertyMsgRegion, regionName)
	properties = remoting.SetProperty(properties, remoting.PropertyTraceSwitch, "true")
	return remoting.SetProperty(properties, remoting.PropertyCluster, clusterName)
}

// appendStamp is stamp for properties that have none of the broker's yet: one
// copy instead of three.
func appendStamp(properties string) string {
	if properties != "" && properties[len(properties)-1] != '\x02' {
		properties += "\x02"
	}
	return properties + remoting.PropertyMsgRegion + "\x01" + regionName + "\x02" +
		remoting.PropertyTraceSwitch + "\x01true\x02" + remoting.PropertyCluster + "\x01" + clusterName + "\x02"
}

// schedule moves a message with a delay level onto that level's queue, to be
// delivered to the topic it is on now (HookUtils.transformDelayLevelMessage).
func (b *Broker) schedule(m *remoting.Message) {
	level := b.delays.clamp(levelOf(m.Properties))
	if level <= 0 {
		return
	}
	m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyRealTopic, m.Topic)
	m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyRealQueueID, strconv.Itoa(int(m.QueueID)))
	m.Topic, m.QueueID = topicSchedule, level-1
}

// prepareHalf moves a message to the half topic
// (TransactionalMessageBridge.parseHalfMessageInner).
func prepareHalf(m *remoting.Message) {
	if key, ok := remoting.Property(m.Properties, remoting.PropertyUniqueKey); ok {
		m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyTransactionID, key)
	}
	m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyRealTopic, m.Topic)
	m.Properties = remoting.SetProperty(m.Properties, remoting.PropertyRealQueueID, strconv.Itoa(int(m.QueueID)))
	m.SysFlag &^= remoting.SysFlagTransactionMask
	m.Topic, m.QueueID = topicHalf, 0
}

// sent is the answer to a send.
func (b *Broker) sent(c *call, ids string, queueID int32, queueOffset int64, transactionID string) {
	f := stampAnswer(c.frame.Reply(remoting.Success, ""))
	f.Ext["msgId"] = ids
	f.Ext["queueId"] = strconv.Itoa(int(queueID))
	f.Ext["queueOffset"] = strconv.FormatInt(queueOffset, 10)
	if transactionID != "" {
		f.Ext["transactionId"] = transactionID
	}
	c.answer(f)
}

package broker

import (
	"sync/atomic"

	"boxoffice/broker/remoting"
)

// call is one request on its way through the broker. Its handler ends it
// exactly once, with answer, reply or silent, now or later from another
// goroutine.
type call struct {
	conn  *conn
	frame *remoting.Frame
	fate  simpleVerdict // Pass, DropReply or Cut
	ended atomic.Bool
}

type handler func(*call)

// handlers is the request table of this broker.
func (b *Broker) handlers() map[int]handler {
	return map[int]handler{
		remoting.SendMessage:                   b.sendMessage,
		remoting.PullMessage:                   b.pullMessage,
		remoting.QueryConsumerOffset:           b.queryConsumerOffset,
		remoting.UpdateConsumerOffset:          b.updateConsumerOffset,
		remoting.UpdateAndCreateTopic:          b.createTopic,
		remoting.SearchOffsetByTimestamp:       b.searchOffsetByTimestamp,
		remoting.GetMaxOffset:                  b.getMaxOffset,
		remoting.GetMinOffset:                  b.getMinOffset,
		remoting.ViewMessageByID:               b.viewMessageByID,
		remoting.HeartBeat:                     b.heartBeat,
		remoting.UnregisterClient:              b.unregisterClient,
		remoting.ConsumerSendMsgBack:           b.consumerSendMsgBack,
		remoting.EndTransaction:                b.endTransaction,
		remoting.GetConsumerListByGroup:        b.getConsumerListByGroup,
		remoting.LockBatchMQ:                   b.lockBatchMQ,
		remoting.UnlockBatchMQ:                 b.unlockBatchMQ,
		remoting.GetRouteInfoByTopic:           b.getRouteInfoByTopic,
		remoting.GetBrokerClusterInfo:          b.getBrokerClusterInfo,
		remoting.GetAllTopicListFromNameServer: b.getAllTopicList,
		remoting.SendMessageV2:                 b.sendMessageV2,
		remoting.SendBatchMessage:              b.sendBatchMessage,
	}
}

// handle takes one frame from a connection's read goroutine.
func (b *Broker) handle(c *conn, f *remoting.Frame) {
	if f.IsResponse() {
		return // an answer to a check or a notice; nothing waits for it
	}
	b.stats.count(f.Code)
	switch v := b.hooks.judge(f, c.remote, false).(type) {
	case failVerdict:
		b.start(c, f, Pass).reply(v.code, v.remark)
	case holdVerdict:
		b.hold(c, f, v.release)
	case simpleVerdict:
		b.obey(c, f, v)
	}
}

func (b *Broker) obey(c *conn, f *remoting.Frame, v simpleVerdict) {
	switch v {
	case Drop:
	case Twice:
		b.serve(b.start(c, f, Pass))
		b.serve(b.start(c, f, Pass))
	case Pass, DropReply, Cut:
		b.serve(b.start(c, f, v))
	}
}

func (b *Broker) hold(c *conn, f *remoting.Frame, release <-chan struct{}) {
	one := b.start(c, f, Pass)
	b.wg.Add(1)
	go func() {
		defer b.wg.Done()
		select {
		case <-release:
			b.serve(one)
		case <-c.gone:
			one.silent()
		}
	}()
}

func (b *Broker) start(c *conn, f *remoting.Frame, fate simpleVerdict) *call {
	c.begin()
	return &call{conn: c, frame: f, fate: fate}
}

func (b *Broker) serve(c *call) {
	h := b.table[c.frame.Code]
	if h == nil {
		c.reply(remoting.RequestCodeNotSupported, "request type not supported")
		return
	}
	h(c)
}

// answer sends f as the response of this call.
func (c *call) answer(f *remoting.Frame) {
	if c.ended.Swap(true) {
		return
	}
	switch {
	case c.fate == Cut:
		c.conn.close()
	case c.fate == Pass && !c.frame.IsOneWay():
		c.conn.send(f)
	}
	c.conn.end()
}

// reply answers with a response code and a remark.
func (c *call) reply(code int, remark string) { c.answer(c.frame.Reply(code, remark)) }

// silent ends a call that has no answer.
func (c *call) silent() {
	if c.ended.Swap(true) {
		return
	}
	if c.fate == Cut {
		c.conn.close()
	}
	c.conn.end()
}

// push sends a request of the broker's own to a client.
func (b *Broker) push(c *conn, f *remoting.Frame) {
	f.Language, f.Version, f.Flag = "JAVA", remoting.BrokerVersion, oneWayFlag
	f.Opaque = b.opaque.Add(1)
	switch v := b.hooks.judge(f, c.remote, true).(type) {
	case simpleVerdict:
		b.pushAs(c, f, v)
	case holdVerdict:
		b.wg.Add(1)
		go func() {
			defer b.wg.Done()
			select {
			case <-v.release:
				c.send(f)
			case <-c.gone:
			}
		}()
	}
}

func (b *Broker) pushAs(c *conn, f *remoting.Frame, v simpleVerdict) {
	switch v {
	case Cut:
		c.close()
	case Twice:
		c.send(f)
		c.send(f)
	case Pass:
		c.send(f)
	case Drop, DropReply:
	}
}

// oneWayFlag is the flag of the requests that the broker sends.
const oneWayFlag = 2

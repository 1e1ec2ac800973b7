package broker

import (
	"errors"
	"io"
	"net"
	"time"

	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// accept serves connections until the listener is closed.
func (b *Broker) accept() {
	for {
		nc, err := b.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			b.log.Warn("accept connection", "error", err)
			select {
			case <-b.done:
				return
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		c := transport.NewConn(nc)
		if !b.conns.Add(c) {
			c.Close()
			continue
		}
		b.wg.Go(func() { b.serveReads(c) })
		b.wg.Go(func() { b.serveWrites(c) })
	}
}

func (b *Broker) serveReads(c *transport.Conn) {
	err := c.Read(func(f *remoting.Frame) { b.handle(c, f) })
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		b.log.Debug("read from client", "client", c.Remote, "error", err)
	}
	c.Close()
	b.conns.Remove(c)
	b.polls.drop(c)
	b.notify(b.groups.leave(c))
}

func (b *Broker) serveWrites(c *transport.Conn) {
	if err := c.Write(); err != nil && !errors.Is(err, net.ErrClosed) {
		b.log.Debug("write to client", "client", c.Remote, "error", err)
	}
	c.Close()
}

// handle takes one frame from a connection's read goroutine.
func (b *Broker) handle(c *transport.Conn, f *remoting.Frame) {
	if f.IsResponse() {
		return // an answer to a check or a notice; nothing waits for it
	}
	b.stats.count(f.Code)
	switch v := b.hooks.ask(f, c.Remote, false).(type) {
	case failVerdict:
		transport.NewCall(c, f, transport.Answered).Reply(v.code, v.remark)
	case holdVerdict:
		one := transport.NewCall(c, f, transport.Answered)
		b.wg.Go(func() { v.await(c, func() { b.serve(one) }, one.Silent) })
	case simpleVerdict:
		b.apply(c, f, v)
	}
}

// apply does what an interceptor has decided.
func (b *Broker) apply(c *transport.Conn, f *remoting.Frame, v simpleVerdict) {
	switch v {
	case Drop:
	case Twice:
		b.serve(transport.NewCall(c, f, transport.Answered))
		b.serve(transport.NewCall(c, f, transport.Answered))
	case Pass:
		b.serve(transport.NewCall(c, f, transport.Answered))
	case DropReply:
		b.serve(transport.NewCall(c, f, transport.Lost))
	case Cut:
		b.serve(transport.NewCall(c, f, transport.CutOff))
	}
}

// serve has a request answered.
func (b *Broker) serve(c *transport.Call) {
	request, known := b.table[c.Frame.Code]
	if !known {
		c.Reply(remoting.RequestCodeNotSupported, "request type not supported")
		return
	}
	if err := request(c); err != nil {
		replyError(c, err)
	}
}

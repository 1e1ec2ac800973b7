package broker

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// Request is what an interceptor sees of a frame: a client's request before
// it is handled, or with Outgoing one that the broker is about to send
// (39 CHECK_TRANSACTION_STATE, 40 NOTIFY_CONSUMER_IDS_CHANGED).
// It must not be changed.
type Request struct {
	Code     int
	Ext      map[string]string
	Body     []byte
	Peer     netip.AddrPort // the client's address
	Outgoing bool
}

// Topic returns the topic the request names, in long or short (310, 320) form.
func (r *Request) Topic() string {
	if r.Code == remoting.SendMessageV2 || r.Code == remoting.SendBatchMessage {
		return r.Ext["b"]
	}
	return r.Ext["topic"]
}

// Property returns a property of the message that a send request carries.
func (r *Request) Property(name string) string {
	wire := r.Ext["properties"]
	if r.Code == remoting.SendMessageV2 {
		wire = r.Ext["i"]
	}
	value, _ := remoting.Property(wire, name)
	return value
}

// Verdict is what becomes of an intercepted request: Pass, Drop, DropReply,
// Cut, Twice, or the result of Fail or Hold.
type Verdict interface{ verdict() }

type simpleVerdict int

func (simpleVerdict) verdict() {}

const (
	// Pass lets the next interceptor, or the broker, have the request.
	Pass simpleVerdict = iota
	// Drop loses the request: no effect and no answer.
	Drop
	// DropReply handles the request and loses the answer.
	DropReply
	// Cut handles the request and closes the connection instead of answering.
	Cut
	// Twice handles the request two times, as if the network had repeated it.
	Twice
)

type failVerdict struct {
	code   int
	remark string
}

func (failVerdict) verdict() {}

// Fail answers with a response code and a remark; the request has no effect.
func Fail(code int, remark string) Verdict { return failVerdict{code, remark} }

type holdVerdict struct{ release <-chan struct{} }

func (holdVerdict) verdict() {}

// Hold handles the request when release is closed. Other requests of the same
// connection go on. A request that is still held when the broker closes is lost.
func Hold(release <-chan struct{}) Verdict { return holdVerdict{release} }

// await calls released when the frame is let go, or lost when its connection ends before.
func (v holdVerdict) await(c *transport.Conn, released, lost func()) {
	select {
	case <-v.release:
		released()
	case <-c.Gone():
		lost()
	}
}

type interceptor struct {
	code int
	see  func(*Request) Verdict
}

// interceptors are the installed fault hooks. The list is replaced as a whole,
// so looking at it costs a request one atomic load.
type interceptors struct {
	mu   sync.Mutex
	list atomic.Pointer[[]*interceptor]
}

func (h *interceptors) install(code int, f func(*Request) Verdict) (remove func()) {
	one := &interceptor{code, f}
	h.change(func(list []*interceptor) []*interceptor { return append(list, one) })
	return func() {
		h.change(func(list []*interceptor) []*interceptor {
			return slices.DeleteFunc(list, func(i *interceptor) bool { return i == one })
		})
	}
}

func (h *interceptors) change(edit func([]*interceptor) []*interceptor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []*interceptor
	if old := h.list.Load(); old != nil {
		list = slices.Clone(*old)
	}
	list = edit(list)
	h.list.Store(&list)
}

// ask returns what the interceptors of the frame's code decide.
func (h *interceptors) ask(f *remoting.Frame, peer netip.AddrPort, outgoing bool) Verdict {
	list := h.list.Load()
	if list == nil {
		return Pass
	}
	for _, one := range *list {
		if one.code != f.Code {
			continue
		}
		req := &Request{Code: f.Code, Ext: f.Ext, Body: f.Body, Peer: peer, Outgoing: outgoing}
		if v := one.see(req); v != nil && v != Pass {
			return v
		}
	}
	return Pass
}

// push sends a frame that nobody has asked for, as the interceptors decide. What
// they hold is counted in held.
func (h *interceptors) push(to *transport.Conn, f *remoting.Frame, held *sync.WaitGroup) {
	switch v := h.ask(f, to.Remote, true).(type) {
	case holdVerdict:
		held.Go(func() { v.await(to, func() { to.Send(f) }, func() {}) })
	case simpleVerdict:
		switch v {
		case Cut:
			to.Close()
		case Twice:
			to.Send(f)
			to.Send(f)
		case Pass:
			to.Send(f)
		case Drop, DropReply:
		}
	}
}

package broker

import (
	"sync"
	"sync/atomic"

	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// fate is what becomes of the answer to a request.
type fate int

const (
	lose      fate = iota
	cut            // close the connection instead
	translate      // rewrite broker addresses
	double         // deliver the messages twice
)

// link is one client's connection and the proxy's own behind it.
type link struct {
	hooks          *interceptors
	double         *atomic.Bool                      // whether messages are delivered twice
	rewrite        func(body []byte) ([]byte, error) // puts gates in the place of brokers
	client, server *transport.Conn
	held           sync.WaitGroup
	extra          atomic.Int32 // opaques of repeated requests are negative

	mu    sync.Mutex
	fates map[int32]fate // by opaque
}

// request takes one frame from the client.
func (k *link) request(f *remoting.Frame) {
	if f.IsResponse() {
		k.server.Send(f)
		return
	}
	switch v := k.hooks.ask(f, k.client.Remote, false).(type) {
	case failVerdict:
		if !f.IsOneWay() {
			k.client.Send(f.Reply(v.code, v.remark))
		}
	case holdVerdict:
		k.held.Go(func() { v.await(k.client, func() { k.forward(f) }, func() {}) })
	case simpleVerdict:
		k.apply(f, v)
	}
}

// apply does what an interceptor has decided.
func (k *link) apply(f *remoting.Frame, v simpleVerdict) {
	switch v {
	case Pass:
		k.forward(f)
	case Drop:
	case DropReply:
		k.expect(f.Opaque, lose)
		k.server.Send(f)
	case Cut:
		k.expect(f.Opaque, cut)
		k.server.Send(f)
	case Twice:
		again := *f
		again.Opaque = k.extra.Add(-1)
		k.expect(again.Opaque, lose)
		k.forward(f)
		k.server.Send(&again)
	}
}

func (k *link) forward(f *remoting.Frame) {
	switch {
	case f.Code == remoting.GetRouteInfoByTopic || f.Code == remoting.GetBrokerClusterInfo:
		k.expect(f.Opaque, translate)
	case f.Code == remoting.PullMessage && k.double.Load():
		k.expect(f.Opaque, double)
	}
	k.server.Send(f)
}

// expect bounds what is remembered, because some requests are never answered.
func (k *link) expect(opaque int32, what fate) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fates[opaque] = what
	if len(k.fates) > transport.MaxOpenRequests {
		k.client.Close()
	}
}

// push takes one frame from the server: an answer, or a request of its own.
func (k *link) push(f *remoting.Frame) {
	if f.IsResponse() {
		k.answer(f)
		return
	}
	k.hooks.push(k.client, f, &k.held)
}

func (k *link) answer(f *remoting.Frame) {
	k.mu.Lock()
	what, marked := k.fates[f.Opaque]
	delete(k.fates, f.Opaque)
	k.mu.Unlock()
	if !marked {
		k.client.Send(f)
		return
	}
	switch what {
	case lose:
	case cut:
		k.client.Close()
	case translate:
		body, err := k.rewrite(f.Body)
		if err != nil {
			k.client.Close()
			return
		}
		f.Body = body
		k.client.Send(f)
	case double:
		if 2*len(f.Body) <= remoting.MaxFrameBytes/2 {
			f.Body = append(f.Body[:len(f.Body):len(f.Body)], f.Body...)
		}
		k.client.Send(f)
	}
}

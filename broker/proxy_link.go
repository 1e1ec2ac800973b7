package broker

import (
	"sync"
	"sync/atomic"

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
	proxy          *Proxy
	client, server *conn
	held           sync.WaitGroup
	extra          atomic.Int32 // opaques of repeated requests are negative

	mu    sync.Mutex
	fates map[int32]fate // by opaque
}

// request takes one frame from the client.
func (k *link) request(_ *conn, f *remoting.Frame) {
	if f.IsResponse() {
		k.server.send(f)
		return
	}
	switch v := k.proxy.hooks.judge(f, k.client.remote, false).(type) {
	case failVerdict:
		if !f.IsOneWay() {
			k.client.send(f.Reply(v.code, v.remark))
		}
	case holdVerdict:
		k.held.Go(func() {
			select {
			case <-v.release:
				k.forward(f)
			case <-k.client.gone:
			}
		})
	case simpleVerdict:
		k.obey(f, v)
	}
}

func (k *link) obey(f *remoting.Frame, v simpleVerdict) {
	switch v {
	case Pass:
		k.forward(f)
	case Drop:
	case DropReply:
		k.expect(f.Opaque, lose)
		k.server.send(f)
	case Cut:
		k.expect(f.Opaque, cut)
		k.server.send(f)
	case Twice:
		again := *f
		again.Opaque = k.extra.Add(-1)
		k.expect(again.Opaque, lose)
		k.forward(f)
		k.server.send(&again)
	}
}

func (k *link) forward(f *remoting.Frame) {
	switch {
	case f.Code == remoting.GetRouteInfoByTopic || f.Code == remoting.GetBrokerClusterInfo:
		k.expect(f.Opaque, translate)
	case f.Code == remoting.PullMessage && k.proxy.deliverTwice.Load():
		k.expect(f.Opaque, double)
	}
	k.server.send(f)
}

// expect bounds what is remembered, because some requests are never answered.
func (k *link) expect(opaque int32, what fate) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fates[opaque] = what
	if len(k.fates) > maxOpenRequests {
		k.client.close()
	}
}

// push takes one frame from the server: an answer, or a request of its own.
func (k *link) push(_ *conn, f *remoting.Frame) {
	if f.IsResponse() {
		k.answer(f)
		return
	}
	switch v := k.proxy.hooks.judge(f, k.client.remote, true).(type) {
	case holdVerdict:
		k.held.Go(func() {
			select {
			case <-v.release:
				k.client.send(f)
			case <-k.client.gone:
			}
		})
	case simpleVerdict:
		switch v {
		case Cut:
			k.client.close()
		case Twice:
			k.client.send(f)
			k.client.send(f)
		case Pass:
			k.client.send(f)
		case Drop, DropReply:
		}
	}
}

func (k *link) answer(f *remoting.Frame) {
	k.mu.Lock()
	what, marked := k.fates[f.Opaque]
	delete(k.fates, f.Opaque)
	k.mu.Unlock()
	if !marked {
		k.client.send(f)
		return
	}
	switch what {
	case lose:
	case cut:
		k.client.close()
	case translate:
		body, err := k.proxy.rewrite(f.Body)
		if err != nil {
			k.client.close()
			return
		}
		f.Body = body
		k.client.send(f)
	case double:
		if 2*len(f.Body) <= remoting.MaxFrameBytes/2 {
			f.Body = append(f.Body[:len(f.Body):len(f.Body)], f.Body...)
		}
		k.client.send(f)
	}
}

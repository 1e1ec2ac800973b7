package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
)

const dialTimeout = 3 * time.Second

// Proxy stands between clients and a RocketMQ cluster, so that a test can
// inject into a real broker the same faults as into the embedded one. Clients
// take its address for their nameserver. It puts ports of its own in the place
// of the brokers' addresses in what the nameserver answers (route 105, cluster
// 106), and so sees every frame of both directions. Make one with StartProxy.
type Proxy struct {
	nameServer   string
	addr         string
	brokerAddrs  *regexp.Regexp
	quoted       *regexp.Regexp
	hooks        interceptors
	conns        connections
	deliverTwice atomic.Bool

	mu        sync.Mutex
	gates     map[string]net.Listener // by the address that the gate leads to
	closed    bool
	wg        sync.WaitGroup
	closeOnce sync.Once
	closeErr  error
}

// StartProxy listens on a free loopback port as the nameserver that has the
// given host:port. It does not ask whether one is there: a connection to a
// server that is away is closed at once.
func StartProxy(nameServer string) (*Proxy, error) {
	p := &Proxy{
		nameServer:  nameServer,
		brokerAddrs: regexp.MustCompile(`"brokerAddrs"\s*:\s*\{[^{}]*\}`),
		quoted:      regexp.MustCompile(`"[^"]+"`),
		conns:       connections{open: make(map[*conn]struct{})},
		gates:       make(map[string]net.Listener),
	}
	addr, err := p.gate(nameServer)
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p.addr = addr
	return p, nil
}

// Addr returns the host:port to give to clients as their nameserver.
func (p *Proxy) Addr() string { return p.addr }

// Intercept is Broker.Intercept for all that goes through the proxy, to the
// nameserver and to all brokers, and for what the brokers send by themselves
// (39, 40).
func (p *Proxy) Intercept(code int, f func(*Request) Verdict) (remove func()) {
	return p.hooks.install(code, f)
}

// DeliverTwice is Broker.DeliverTwice.
func (p *Proxy) DeliverTwice(on bool) { p.deliverTwice.Store(on) }

// DropConnections closes every connection, as a network failure would.
func (p *Proxy) DropConnections() { p.conns.closeAll() }

// Close closes the ports and the connections and waits until nothing is left.
// It is idempotent.
func (p *Proxy) Close() error {
	p.closeOnce.Do(func() {
		p.mu.Lock()
		p.closed = true
		for _, l := range p.gates {
			p.closeErr = errors.Join(p.closeErr, l.Close())
		}
		p.mu.Unlock()
		p.conns.shut()
		p.wg.Wait()
	})
	return p.closeErr
}

// gate returns the address of the port that leads to target.
func (p *Proxy) gate(target string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return "", net.ErrClosed
	}
	if l, ok := p.gates[target]; ok {
		return l.Addr().String(), nil
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for %s: %w", target, err)
	}
	p.gates[target] = l
	p.wg.Go(func() { p.accept(l, target) })
	return l.Addr().String(), nil
}

func (p *Proxy) accept(l net.Listener, target string) {
	for {
		nc, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			<-time.After(10 * time.Millisecond) // out of files, say
			continue
		}
		p.wg.Go(func() { p.serve(nc, target) })
	}
}

// serve carries frames until either side closes.
func (p *Proxy) serve(nc net.Conn, target string) {
	client := newConn(nc)
	defer client.close()
	if !p.conns.add(client) {
		return
	}
	defer p.conns.remove(client)
	far, err := (&net.Dialer{Timeout: dialTimeout}).Dial("tcp", target)
	if err != nil {
		return
	}
	server := newConn(far)
	k := &link{proxy: p, client: client, server: server, fates: make(map[int32]fate)}
	var both sync.WaitGroup
	both.Go(func() {
		_ = client.read(k.request) // to its end: what a client sends last, its offsets, arrives, though it takes no answers
		client.close()
		server.finish()
	})
	both.Go(func() { _ = client.write() })
	for _, carry := range []func() error{func() error { return server.read(k.push) }, server.write} {
		both.Go(func() {
			if carry() == nil {
				return // all is written, and the server will see the end of it
			}
			client.close()
			server.close()
		})
	}
	both.Wait()
	k.held.Wait()
}

// rewrite puts gates in the place of the brokers' addresses. The real
// nameserver writes maps with bare numbers for keys, {0:"127.0.0.1:10911"},
// which is no JSON, so this works on the text.
func (p *Proxy) rewrite(body []byte) ([]byte, error) {
	var failed error
	out := p.brokerAddrs.ReplaceAllFunc(body, func(addrs []byte) []byte {
		return p.quoted.ReplaceAllFunc(addrs, func(word []byte) []byte {
			target := string(word[1 : len(word)-1])
			if _, _, err := net.SplitHostPort(target); err != nil {
				return word // a key
			}
			addr, err := p.gate(target)
			failed = errors.Join(failed, err)
			return []byte(`"` + addr + `"`)
		})
	})
	return out, failed
}

package broker

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const maxConnections = 16384

// connections is the set of open connections.
type connections struct {
	mu     sync.Mutex
	open   map[*conn]struct{}
	closed bool
}

// add reports whether the connection may live.
func (cs *connections) add(c *conn) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed || len(cs.open) >= maxConnections {
		return false
	}
	cs.open[c] = struct{}{}
	return true
}

func (cs *connections) remove(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, c)
}

func (cs *connections) closeAll() {
	cs.mu.Lock()
	list := make([]*conn, 0, len(cs.open))
	for c := range cs.open {
		list = append(list, c)
	}
	cs.mu.Unlock()
	for _, c := range list {
		c.close()
	}
}

// shut refuses further connections and closes the open ones.
func (cs *connections) shut() {
	cs.mu.Lock()
	cs.closed = true
	cs.mu.Unlock()
	cs.closeAll()
}

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
		c := newConn(nc)
		if !b.conns.add(c) {
			c.close()
			continue
		}
		b.wg.Add(2)
		go b.serveReads(c)
		go b.serveWrites(c)
	}
}

func (b *Broker) serveReads(c *conn) {
	defer b.wg.Done()
	err := c.read(b.handle)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		b.log.Debug("read from client", "client", c.remote, "error", err)
	}
	c.close()
	b.conns.remove(c)
	b.polls.drop(c)
	b.notify(b.groups.leave(c))
}

func (b *Broker) serveWrites(c *conn) {
	defer b.wg.Done()
	if err := c.write(); err != nil && !errors.Is(err, net.ErrClosed) {
		b.log.Debug("write to client", "client", c.remote, "error", err)
	}
	c.close()
}

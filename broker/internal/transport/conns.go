package transport

import (
	"maps"
	"slices"
	"sync"
)

// maxConnections is how many connections may be open at once.
const maxConnections = 16384

// Conns is the set of open connections.
type Conns struct {
	mu     sync.Mutex
	open   map[*Conn]struct{}
	closed bool
}

// NewConns makes an empty set.
func NewConns() *Conns { return &Conns{open: make(map[*Conn]struct{})} }

// Add reports whether the connection may live.
func (cs *Conns) Add(c *Conn) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed || len(cs.open) >= maxConnections {
		return false
	}
	cs.open[c] = struct{}{}
	return true
}

// Remove forgets a connection that has ended.
func (cs *Conns) Remove(c *Conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, c)
}

// All lists the connections that are open now.
func (cs *Conns) All() []*Conn {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return slices.Collect(maps.Keys(cs.open))
}

// CloseAll closes the connections that are open now.
func (cs *Conns) CloseAll() {
	for _, c := range cs.All() {
		c.Close()
	}
}

// Shut refuses further connections and closes the open ones.
func (cs *Conns) Shut() {
	cs.mu.Lock()
	cs.closed = true
	cs.mu.Unlock()
	cs.CloseAll()
}

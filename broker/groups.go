package broker

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// clientTimeout is how long a client lives without a heartbeat
// (channelExpiredTimeout), in real time.
const clientTimeout = 120 * time.Second

// Limits on what clients can make the broker remember.
const (
	maxGroups        = 100_000
	maxSubscriptions = 10_000
)

// subscription is what a consumer group wants of one topic.
type subscription struct {
	expression string
	kind       string // TAG or empty; anything else is refused by pulls
	version    int64
	filter     remoting.Tags
}

// member is one client of a consumer group.
type member struct {
	conn *transport.Conn
	seen time.Time
}

type consumerGroup struct {
	broadcast     bool
	members       map[string]member // by client id
	subscriptions map[string]subscription
}

// producerGroup lists the connections that can answer a check-back.
type producerGroup struct {
	conns []*transport.Conn
	seen  map[*transport.Conn]time.Time
	turn  int
}

// groups knows which clients are alive and what they consume or produce.
type groups struct {
	mu        sync.Mutex
	consumers map[string]*consumerGroup
	producers map[string]*producerGroup
}

func newGroups() *groups {
	return &groups{consumers: make(map[string]*consumerGroup), producers: make(map[string]*producerGroup)}
}

// notice says whom to tell that the members of a group have changed.
type notice struct {
	group   string
	members []*transport.Conn
}

// joinProducer registers a connection as a producer of a group.
func (g *groups) joinProducer(group string, c *transport.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.producers[group]
	if p == nil {
		if len(g.producers) >= maxGroups {
			return
		}
		p = &producerGroup{seen: make(map[*transport.Conn]time.Time)}
		g.producers[strings.Clone(group)] = p
	}
	if _, known := p.seen[c]; !known {
		p.conns = append(p.conns, c)
	}
	p.seen[c] = time.Now()
}

// joinConsumer registers a client as a member of a consumer group with these
// subscriptions, which replace the group's: the last heartbeat wins.
// It returns whom to notify, nobody if nothing changed.
func (g *groups) joinConsumer(group, client string, c *transport.Conn, broadcast bool, subs map[string]subscription) []notice {
	g.mu.Lock()
	defer g.mu.Unlock()
	cg := g.consumers[group]
	if cg == nil {
		if len(g.consumers) >= maxGroups {
			return nil
		}
		group = strings.Clone(group)
		cg = &consumerGroup{members: make(map[string]member)}
		g.consumers[group] = cg
	}
	old, known := cg.members[client]
	changed := !known || old.conn != c || !sameSubscriptions(cg.subscriptions, subs)
	cg.broadcast, cg.subscriptions = broadcast, subs
	cg.members[client] = member{c, time.Now()}
	if !changed || broadcast {
		return nil
	}
	return []notice{{group, cg.conns()}}
}

func sameSubscriptions(a, b map[string]subscription) bool {
	if len(a) != len(b) {
		return false
	}
	for topic, sub := range b {
		if old, ok := a[topic]; !ok || old.expression != sub.expression || old.version != sub.version {
			return false
		}
	}
	return true
}

func (cg *consumerGroup) conns() []*transport.Conn {
	list := make([]*transport.Conn, 0, len(cg.members))
	for _, m := range cg.members {
		list = append(list, m.conn)
	}
	return list
}

// leave takes a connection out of every group and returns whom to notify.
func (g *groups) leave(c *transport.Conn) []notice {
	return g.removeIf(func(one *transport.Conn, _ time.Time) bool { return one == c })
}

// expire takes out the clients that have not sent a heartbeat since limit.
func (g *groups) expire(limit time.Time) []notice {
	return g.removeIf(func(_ *transport.Conn, seen time.Time) bool { return seen.Before(limit) })
}

// leaveConsumer takes one client out of one consumer group.
func (g *groups) leaveConsumer(group, client string) []notice {
	g.mu.Lock()
	defer g.mu.Unlock()
	cg := g.consumers[group]
	if cg == nil {
		return nil
	}
	if _, ok := cg.members[client]; !ok {
		return nil
	}
	delete(cg.members, client)
	return g.changed(group, cg)
}

// leaveProducer takes a connection out of one producer group.
func (g *groups) leaveProducer(group string, c *transport.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.producers[group]; p != nil {
		g.dropProducer(group, p, c)
	}
}

func (g *groups) removeIf(gone func(*transport.Conn, time.Time) bool) []notice {
	g.mu.Lock()
	defer g.mu.Unlock()
	for group, p := range g.producers {
		for c, seen := range p.seen {
			if gone(c, seen) {
				g.dropProducer(group, p, c)
			}
		}
	}
	var notices []notice
	for group, cg := range g.consumers {
		before := len(cg.members)
		for client, m := range cg.members {
			if gone(m.conn, m.seen) {
				delete(cg.members, client)
			}
		}
		if len(cg.members) != before {
			notices = append(notices, g.changed(group, cg)...)
		}
	}
	return notices
}

func (g *groups) dropProducer(group string, p *producerGroup, c *transport.Conn) {
	delete(p.seen, c)
	p.conns = slices.DeleteFunc(p.conns, func(one *transport.Conn) bool { return one == c })
	if len(p.conns) == 0 {
		delete(g.producers, group)
	}
}

// changed returns the notice after a member left; a group without members is forgotten.
func (g *groups) changed(group string, cg *consumerGroup) []notice {
	if len(cg.members) == 0 {
		delete(g.consumers, group)
		return nil
	}
	if cg.broadcast {
		return nil
	}
	return []notice{{group, cg.conns()}}
}

// producer returns the next live connection of a producer group, in turn, or
// nil when none is connected.
func (g *groups) producer(group string) *transport.Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.producers[group]
	if p == nil {
		return nil
	}
	p.turn = (p.turn + 1) % len(p.conns)
	return p.conns[p.turn]
}

// clients returns the client ids of a consumer group.
func (g *groups) clients(group string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	cg := g.consumers[group]
	if cg == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(cg.members))
}

// subscribed returns what a consumer group wants of a topic.
func (g *groups) subscribed(group, topic string) (sub subscription, online, found bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	cg := g.consumers[group]
	if cg == nil {
		return subscription{}, false, false
	}
	sub, found = cg.subscriptions[topic]
	return sub, true, found
}

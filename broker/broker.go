// Package broker is a RocketMQ nameserver and broker in one process and on one
// port, for tests and for single-machine use: it speaks the remoting protocol
// to unmodified clients and keeps what it acknowledges on disk.
//
// Each request has a file named by its code and name, which says what is
// supported; SKIPPED.md says what is not. start.go has the table of requests.
// faults.go has fault hooks and control.go the clock for tests, inspect.go looks
// inside, and proxy.go puts the same hooks in front of a real RocketMQ.
// internal/store keeps the messages, internal/transport the connections.
package broker

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// Broker is a running nameserver and broker.
type Broker struct {
	opt        options
	log        *slog.Logger
	tempDir    bool
	listener   net.Listener
	anyAddress bool           // the listener is on all interfaces
	host       netip.AddrPort // what routes and message ids carry
	born       int64
	table      map[int]func(*transport.Call) error // by request code; see requests

	store  *store.Store
	groups *groups
	locks  *locks
	polls  *longpoll
	conns  *transport.Conns
	hooks  interceptors
	stats  counters

	failures failures

	checking  sync.Mutex // one pass of check-backs at a time
	checkedAt time.Time  // when the last one began, by the broker's clock

	advanced     atomic.Int64 // ns that Advance has added to the clock
	deliverTwice atomic.Bool
	opaque       atomic.Int32
	keys         atomic.Uint32

	done      chan struct{}
	wg        sync.WaitGroup
	closeOnce sync.Once
	closeErr  error
}

// Addr is the ip:port at which clients find nameserver and broker.
func (b *Broker) Addr() string { return b.host.String() }

// Failed is closed when a write or an fsync of the log has failed for good (a
// full disk is waited for). Then nothing can be stored any more, and only a new
// start finds out what is on the disk: the program should end.
func (b *Broker) Failed() <-chan struct{} { return b.store.Failed() }

// Failure is why Failed is closed, nil before.
func (b *Broker) Failure() error { return b.store.Failure() }

// Now is the broker's clock: its source's time plus what Advance has added.
func (b *Broker) Now() time.Time {
	return b.opt.clock.Now().Add(time.Duration(b.advanced.Load()))
}

func (b *Broker) nowMs() int64 { return b.Now().UnixMilli() }

// oneWayFlag is the flag of the requests that the broker sends.
const oneWayFlag = 2

// push sends a request of the broker's own to a client.
func (b *Broker) push(c *transport.Conn, f *remoting.Frame) {
	f.Language, f.Version, f.Flag = "JAVA", remoting.BrokerVersion, oneWayFlag
	f.Opaque = b.opaque.Add(1)
	b.hooks.push(c, f, &b.wg)
}

// every calls task with the time at each tick, until the broker closes.
func (b *Broker) every(interval time.Duration, task func(now time.Time)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-b.done:
			return
		case now := <-tick.C:
			task(now)
		}
	}
}

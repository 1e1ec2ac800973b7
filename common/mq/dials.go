package mq

import (
	"context"
	"net/http/httptrace"
	"sync"
	"time"
)

// dialTimeout is how long the client library may look up a master's name and connect to it for a message. It has one lock for
// all connections of a producer, so that meanwhile nothing is sent to any master, connected or not; a machine that is off
// answers nothing for as long as it is asked. It is less than half of HalfTimeout, so that another master has time to answer.
const dialTimeout = 250 * time.Millisecond

// reachTimeout bounds the look, beside the client library, whether a master can be reached again.
const reachTimeout = time.Second

// dials counts the time in which the client library makes connections for the messages of a producer, and sends nothing.
type dials struct {
	running int
	begun   time.Time     // when the first of those that run was begun
	ended   time.Duration // what those before it took
}

func (d *dials) begin(now time.Time) {
	if d.running++; d.running == 1 {
		d.begun = now
	}
}

func (d *dials) end(now time.Time) {
	if d.running--; d.running == 0 {
		d.ended += now.Sub(d.begun)
	}
}

// took is what all connections have taken so far.
func (d *dials) took(now time.Time) time.Duration {
	if d.running == 0 {
		return d.ended
	}
	return d.ended + now.Sub(d.begun)
}

// boundedDial is one connection that the client library may make. It tries each address of a name: the next one when one
// refuses, while one that says nothing takes all of the time that is left, which is too short for net.Dialer to divide.
type boundedDial struct {
	ended  func() error // tells that its time is up, or its caller gone
	cancel context.CancelFunc
	begin  func() (goOn bool)
	end    func(error)
	timer  *time.Timer

	mu          sync.Mutex // addresses of two families may be tried side by side
	begun, over bool
	addresses   int   // that have not failed
	failed      error // of the address that failed last
}

// boundDial bounds the connection that the client library may make in ctx, and makes none when begin says so. The library tells
// nobody that it connects, but net.Dialer tells the context, of the look at a name and of each address. end is called once for
// a connection that was begun. The function that it returns is to be called when the library is done.
func boundDial(ctx context.Context, begin func() (goOn bool), end func(error)) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(time.Hour, cancel) // is set when the connection is begun
	timer.Stop()
	d := &boundedDial{ended: ctx.Err, cancel: cancel, begin: begin, end: end, timer: timer, addresses: 1}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { d.start() },
		DNSDone:      func(found httptrace.DNSDoneInfo) { d.found(len(found.Addrs), found.Err) },
		ConnectStart: func(string, string) { d.start() },
		ConnectDone:  func(_, _ string, err error) { d.tried(err) },
	}), d.free
}

// start is called for a name, and for each address.
func (d *boundedDial) start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begun {
		return
	}
	d.begun = true
	if d.begin() {
		d.timer.Reset(dialTimeout)
	} else {
		d.cancel()
	}
}

// found is called when a name has been looked up.
func (d *boundedDial) found(addresses int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.addresses = addresses
	if err != nil {
		d.finish(err)
	}
}

// tried is called for each address.
func (d *boundedDial) tried(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.addresses--
	d.failed = err
	if err == nil || d.addresses <= 0 || d.ended() != nil {
		d.finish(err)
	}
}

// free ends what the bound needs, and a connection whose time was up between two addresses.
func (d *boundedDial) free() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begun {
		d.finish(d.failed)
	}
	d.cancel()
}

func (d *boundedDial) finish(err error) {
	if !d.over {
		d.over = true
		d.timer.Stop()
		d.end(err)
	}
}

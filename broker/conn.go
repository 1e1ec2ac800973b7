package broker

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"boxoffice/broker/remoting"
)

const (
	// idleTimeout closes a connection that sends nothing: a client heartbeats
	// every 30 s (channelExpiredTimeout of the real broker).
	idleTimeout  = 120 * time.Second
	writeTimeout = 10 * time.Second

	// A connection with this much waiting, or this many requests open, is not
	// read further until it has drained.
	maxQueuedFrames = 4096
	maxQueuedBytes  = 32 << 20
	maxOpenRequests = 16384

	// A connection that lets this much pile up is closed: what is sent without
	// having been asked for (checks, notices, held pulls) must be bounded too.
	overflowFrames = 4 * maxQueuedFrames
	overflowBytes  = 4 * maxQueuedBytes

	maxWriteBytes = 1 << 20
)

// conn is one client connection: a goroutine reads frames and handles them in
// order, another writes whatever has queued up with a single Write.
type conn struct {
	net    net.Conn
	local  netip.AddrPort
	remote netip.AddrPort

	mu       sync.Mutex
	drained  *sync.Cond // signalled when out or open shrinks, and on close
	out      []*remoting.Frame
	outBytes int
	open     int // requests that have not been answered yet
	closed   bool
	ending   bool // see finish
	wake     chan struct{}
	gone     chan struct{} // closed with the connection
}

func newConn(nc net.Conn) *conn {
	c := &conn{
		net: nc, local: addrPort(nc.LocalAddr()), remote: addrPort(nc.RemoteAddr()),
		wake: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	c.drained = sync.NewCond(&c.mu)
	return c
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// read hands every frame to handle until the connection ends.
func (c *conn) read(handle func(*conn, *remoting.Frame)) error {
	frames := remoting.NewReader(c.net)
	for c.waitDrained() {
		if err := c.net.SetReadDeadline(time.Now().Add(idleTimeout)); err != nil {
			return err
		}
		f, err := frames.Read()
		if err != nil {
			return err
		}
		handle(c, f)
	}
	return net.ErrClosed
}

// waitDrained blocks while the client does not take its answers.
func (c *conn) waitDrained() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.closed && (len(c.out) >= maxQueuedFrames || c.outBytes >= maxQueuedBytes || c.open >= maxOpenRequests) {
		c.drained.Wait()
	}
	return !c.closed
}

func (c *conn) begin() {
	c.mu.Lock()
	c.open++
	c.mu.Unlock()
}

func (c *conn) end() {
	c.mu.Lock()
	c.open--
	c.mu.Unlock()
	c.drained.Signal()
}

// send queues a frame and never blocks.
func (c *conn) send(f *remoting.Frame) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.out = append(c.out, f)
	c.outBytes += len(f.Body)
	overflow := len(c.out) > overflowFrames || c.outBytes > overflowBytes
	c.mu.Unlock()
	if overflow {
		c.close()
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// take returns what is queued, nil when the connection is closed or ends with nothing left.
func (c *conn) take(spare []*remoting.Frame) []*remoting.Frame {
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return nil
		}
		if len(c.out) > 0 {
			frames := c.out
			c.out, c.outBytes = spare[:0], 0
			c.mu.Unlock()
			c.drained.Signal()
			return frames
		}
		ending := c.ending
		c.mu.Unlock()
		if ending {
			return nil
		}
		select {
		case <-c.wake:
		case <-c.gone:
		}
	}
}

// write sends queued frames until the connection is closed. All frames that
// are waiting go out in one Write, up to about maxWriteBytes.
func (c *conn) write() error {
	var buf []byte
	var spare []*remoting.Frame
	for {
		frames := c.take(spare)
		if frames == nil {
			return c.endWriting()
		}
		for i, f := range frames {
			var err error
			if buf, err = remoting.AppendFrame(buf, f); err != nil {
				return err
			}
			frames[i] = nil
			if len(buf) < maxWriteBytes && i < len(frames)-1 {
				continue
			}
			if err := c.net.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
				return err
			}
			if _, err := c.net.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
		spare = frames
		if cap(buf) > 4*maxWriteBytes {
			buf = nil
		}
	}
}

// finish lets write write what is queued and no more. The other side then reads all of it, where a connection that is closed
// under its answers may lose it; it has a while to answer and to close.
func (c *conn) finish() {
	c.mu.Lock()
	c.ending = true
	c.mu.Unlock()
	time.AfterFunc(writeTimeout, c.close)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// endWriting tells the other side that nothing more comes.
func (c *conn) endWriting() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	half, ok := c.net.(interface{ CloseWrite() error })
	if c.closed || !ok {
		return net.ErrClosed
	}
	return half.CloseWrite()
}

// close ends the connection; both its goroutines return.
func (c *conn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	c.out = nil
	close(c.gone)
	// The connection is torn down; an error of Close changes nothing.
	_ = c.net.Close()
	c.drained.Broadcast()
}

package mq

import (
	"context"
	"fmt"
	"net"
	"time"

	"boxoffice/broker/remoting"
)

const exchangeTimeout = 3 * time.Second

// exchange sends one request to a nameserver or a broker, on a connection of its own, and returns the answer. It is
// there for provisioning and inspection alone: the client library's admin client does not know the brokers' addresses
// and drops response codes.
func exchange(ctx context.Context, address string, code int, fields map[string]string) (*remoting.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	c, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.exchange(ctx, code, fields)
}

// connection is a connection to a nameserver or a broker, for requests one after the other. It ends with the context
// that it was made with.
type connection struct {
	conn    net.Conn
	answers *remoting.Reader
	stop    func() bool // ends the watch of the context
}

// dial connects to a nameserver or a broker.
func dial(ctx context.Context, address string) (*connection, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, unavailable(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return &connection{conn: conn, answers: remoting.NewReader(conn), stop: stop}, nil
}

func (c *connection) close() {
	c.stop()
	_ = c.conn.Close() // nothing is written that could be lost
}

// exchange sends a request and waits for the answer, which is the next frame: brokers push nothing to a client that has
// sent no heartbeat.
func (c *connection) exchange(ctx context.Context, code int, fields map[string]string) (*remoting.Frame, error) {
	request, err := remoting.AppendFrame(nil, remoting.NewRequest(code, fields))
	if err != nil {
		return nil, fmt.Errorf("encode request %d: %w", code, err)
	}
	if _, err := c.conn.Write(request); err != nil {
		return nil, unavailable(ctx.Err(), err)
	}
	answer, err := c.answers.Read()
	if err != nil {
		return nil, fmt.Errorf("read answer to request %d: %w", code, unavailable(ctx.Err(), err))
	}
	return answer, nil
}

package smtp

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
)

// dialer makes the one connection of one message, and can close it from outside at any time: the library neither closes one
// on which the server's greeting fails, nor listens to a context once it stands.
type dialer struct {
	options Options

	mu         sync.Mutex
	connection net.Conn
	closed     bool
}

func (d *dialer) tls() *tls.Config { return d.options.tlsConfig() }

// dial connects to the server of the options, whatever address the library has made of them.
func (d *dialer) dial(ctx context.Context, network, _ string) (connection net.Conn, err error) {
	if d.options.Security == TLS {
		connection, err = (&tls.Dialer{Config: d.tls()}).DialContext(ctx, network, d.options.address())
	} else {
		connection, err = (&net.Dialer{}).DialContext(ctx, network, d.options.address())
	}
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.connection = connection; d.closed {
		_ = connection.Close()
		return nil, context.Canceled
	}
	return connection, nil
}

// close closes what is open. It is idempotent.
func (d *dialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.connection != nil {
		_ = d.connection.Close()
	}
}

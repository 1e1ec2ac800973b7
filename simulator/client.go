package simulator

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

const (
	postTimeout     = 10 * time.Second
	idleConnections = 64
)

var errNotLoopback = errors.New("not a loopback address")

// newClient makes the client that sends callbacks. It follows no redirect, since a signed callback is for one office
// alone. loopbackOnly lets it connect to this machine alone, whatever a name stands for.
func newClient(given *http.Client, loopbackOnly bool) *http.Client {
	client := http.Client{}
	if given != nil {
		client = *given
	} else {
		dialer := &net.Dialer{Timeout: postTimeout}
		if loopbackOnly {
			dialer.Control = func(_, address string, _ syscall.RawConn) error {
				to, err := netip.ParseAddrPort(address)
				if err != nil || !to.Addr().Unmap().IsLoopback() {
					return errNotLoopback
				}
				return nil
			}
		}
		client.Transport = &http.Transport{
			DialContext: dialer.DialContext, MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: 30 * time.Second,
		}
	}
	client.Timeout = postTimeout
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

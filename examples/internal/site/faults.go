package site

import (
	"fmt"

	"boxoffice/broker"
)

// Faults is where a scene makes the network fail: f sees each request of a code, and its verdict is done.
type Faults interface {
	Intercept(code int, f func(*broker.Request) broker.Verdict) (remove func())
}

// Faults gives a scene the hooks of the embedded broker. A real one has none, so a proxy with the same ones is put before
// it, and named as the nameserver: ask for the faults before the first producer and consumer are made. Close ends the proxy.
func (s *Site) Faults() (Faults, error) {
	if s.Broker != nil {
		return s.Broker, nil
	}
	proxy, err := broker.StartProxy(s.Nameservers[0])
	if err != nil {
		return nil, fmt.Errorf("put a proxy before %s: %w", s.Nameservers[0], err)
	}
	s.clients, s.Nameservers = append(s.clients, between{proxy}), []string{proxy.Addr()}
	return proxy, nil
}

// between is a proxy that Close ends after its clients.
type between struct{ proxy *broker.Proxy }

func (b between) Shutdown() error { return b.proxy.Close() }

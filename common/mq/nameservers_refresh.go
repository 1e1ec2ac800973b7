package mq

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"boxoffice/broker/remoting"
)

const (
	refreshInterval = 10 * time.Second
	refreshTimeout  = 5 * time.Second
)

// run refreshes the addresses until ctx ends.
func (n *nameServers) run(ctx context.Context) {
	ticker := time.NewTicker(refreshInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		bounded, cancel := context.WithTimeout(ctx, refreshTimeout)
		_ = n.refresh(bounded) // whoever asks a nameserver meanwhile says what is wrong
		cancel()
	}
}

// refresh resolves all names and asks all servers, side by side. It fails when no address is known of any.
func (n *nameServers) refresh(ctx context.Context) error {
	probes := make(chan probe, len(n.names))
	for i := range n.names {
		go func() { probes <- n.probe(ctx, i) }()
	}
	var failed error
	var useful, answering []string
	var late <-chan time.Time
	for range n.names {
		select {
		case p := <-probes:
			n.record(p)
			failed = joinInLine(failed, p.err)
			if p.answered {
				answering = append(answering, p.address)
				late = time.After(answerGrace)
			}
			if p.hasBroker {
				useful = append(useful, p.address)
			}
			continue
		case <-late:
		case <-ctx.Done():
		}
		break
	}
	known := n.known()
	for _, best := range [][]string{useful, answering, known} {
		if answering = best; len(best) > 0 {
			break
		}
	}
	n.mu.Lock()
	n.answering = answering
	n.mu.Unlock()
	if len(known) == 0 {
		return unavailable(ctx.Err(), failed)
	}
	return nil
}

// probe is what a refresh has found of one server.
type probe struct {
	index     int    // of its name
	address   string // empty when none is known
	answered  bool
	hasBroker bool // its answer names one: none has registered yet with a nameserver that was restarted
	err       error
}

// probe resolves one name, and asks the server at its address: the last known one if the name leads nowhere now.
func (n *nameServers) probe(ctx context.Context, index int) probe {
	host, port, err := net.SplitHostPort(n.names[index])
	if err != nil {
		return probe{index: index, err: err}
	}
	p := probe{index: index}
	ip, err := lookup(ctx, host)
	if err == nil {
		p.address = net.JoinHostPort(ip.String(), port)
	} else {
		p.err = fmt.Errorf("look up nameserver %q: %w", host, err)
		n.mu.RLock()
		p.address = n.addresses[index]
		n.mu.RUnlock()
	}
	if p.address != "" {
		if answer, err := exchange(ctx, p.address, remoting.GetBrokerClusterInfo, nil); err == nil {
			brokers, _ := parseBrokers(quoteIntegerKeys(answer.Body)) // of any other answer none
			p.answered, p.hasBroker = true, len(brokers) > 0
		}
	}
	return p
}

// record keeps the address that a probe has found.
func (n *nameServers) record(p probe) {
	if p.address == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addresses[p.index] = p.address
}

// lookup resolves a host name, because the client library takes nothing but addresses. It prefers IPv4: a broker reached
// by IPv6 gives message ids in which the library misreads offsets.
func lookup(ctx context.Context, host string) (netip.Addr, error) {
	if ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host); err == nil && len(ips) > 0 {
		return ips[0].Unmap(), nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip6", host)
	if err != nil {
		return netip.Addr{}, err
	}
	return ips[0], nil
}

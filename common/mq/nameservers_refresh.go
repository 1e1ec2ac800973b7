package mq

import (
	"context"
	"fmt"
	"net"
	"sync"
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
	probes := make(chan probe, 2*maxNameServers) // one of each address, and an error of each name
	var probing sync.WaitGroup
	for i := range n.names {
		probing.Go(func() { n.probe(ctx, i, probes) })
	}
	go func() { probing.Wait(); close(probes) }()
	var failed error
	var useful, answering []string
	var late <-chan time.Time
	for more := true; more; {
		var p probe
		select {
		case p, more = <-probes:
			n.record(p)
			failed = joinInLine(failed, p.err)
			if p.answered {
				answering = append(answering, p.address)
				late = time.After(answerGrace)
			}
			if len(p.masters) > 0 {
				useful = append(useful, p.address)
			}
		case <-late:
			more = false
		case <-ctx.Done():
			more = false
		}
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

// probe is what a refresh has found of one server, or that a name leads nowhere.
type probe struct {
	index     int      // of its name
	addresses []string // all that the name leads to
	address   string   // the server's; empty for a name that leads nowhere
	answered  bool
	masters   map[string]string // that its answer names: none has registered yet with a nameserver that was restarted
	err       error
}

// probe resolves one name, and asks the servers at all its addresses side by side: those last known if the name leads nowhere
// now. A name may lead to several nameservers, as that of a headless service does, and one of them may hang.
func (n *nameServers) probe(ctx context.Context, index int, probes chan<- probe) {
	addresses, err := n.resolve(ctx, n.names[index])
	if err != nil {
		probes <- probe{index: index, err: err}
		n.mu.RLock()
		addresses = n.addresses[index]
		n.mu.RUnlock()
	}
	var asking sync.WaitGroup
	for _, address := range addresses {
		asking.Go(func() {
			p := probe{index: index, addresses: addresses, address: address}
			if answer, err := exchange(ctx, address, remoting.GetBrokerClusterInfo, nil); err == nil {
				p.answered = true
				p.masters, _ = parseBrokers(quoteIntegerKeys(answer.Body)) // of any other answer none
			}
			probes <- p
		})
	}
	asking.Wait()
}

// record keeps the addresses that a probe has found.
func (n *nameServers) record(p probe) {
	n.remember(p.masters)
	if p.address == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addresses[p.index] = p.addresses
}

// resolve returns the addresses that a configured name leads to: its share of as many as are asked at all.
func (n *nameServers) resolve(ctx context.Context, name string) ([]string, error) {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return nil, err
	}
	ips, err := n.lookUp(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("look up nameserver %q: %w", host, err)
	}
	ips = ips[:min(len(ips), maxNameServers/len(n.names))]
	addresses := make([]string, len(ips))
	for i, ip := range ips {
		addresses[i] = net.JoinHostPort(ip.Unmap().String(), port)
	}
	return addresses, nil
}

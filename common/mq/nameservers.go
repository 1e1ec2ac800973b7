package mq

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	maxNameServers = 16 // names, and addresses of all of them
	// answerGrace is how long the other servers have once one has answered.
	answerGrace = 300 * time.Millisecond
)

// nameServers are the nameservers of a cluster and their addresses of the moment: host names may lead to other addresses
// later, and one of several servers may hang or be gone, which must keep nobody from asking the others. It implements
// primitive.NsResolver for the client library, which calls Resolve with a lock held, so the answer comes from memory.
type nameServers struct {
	names  []string                                                     // host:port, as they are configured
	lookUp func(ctx context.Context, host string) ([]netip.Addr, error) // resolves a host name

	mu        sync.RWMutex
	addresses [][]string        // ip:port of each name: several of one that leads to several servers, none of one that was never resolved
	answering []string          // those of them that knew a broker last time; failing that, that answered; failing that, all
	masters   map[string]string // addresses of the master brokers by name, as they were told last

	routed sync.Map // topics that were seen to have a route
}

func newNameServers(names []string) (*nameServers, error) {
	if len(names) == 0 || len(names) > maxNameServers {
		return nil, fmt.Errorf("%d nameservers are configured, 1 to %d are possible: %w", len(names), maxNameServers, ErrUnavailable)
	}
	for _, name := range names {
		if _, _, err := net.SplitHostPort(name); err != nil {
			return nil, fmt.Errorf("nameserver address %q: %w", name, err)
		}
	}
	return &nameServers{names: names, lookUp: lookUp, addresses: make([][]string, len(names)), masters: map[string]string{}}, nil
}

// Resolve returns the addresses that the client library may ask, in a copy, because it sorts them in place.
func (n *nameServers) Resolve() []string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.Clone(n.answering)
}

// Description is for the client library's log.
func (n *nameServers) Description() string { return "the nameservers that answer" }

// known returns the addresses of all servers that were ever resolved.
func (n *nameServers) known() []string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	all := slices.Concat(n.addresses...)
	slices.Sort(all)
	return slices.Compact(all)
}

// remember keeps the addresses of masters for when no nameserver tells of them. One that is missing from an answer may only not
// have registered again.
func (n *nameServers) remember(masters map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.Copy(n.masters, masters)
}

// mayChange tells whether another refresh could find anything else: it cannot for one server given by its IP address.
func (n *nameServers) mayChange() bool {
	if len(n.names) > 1 {
		return true
	}
	host, _, _ := net.SplitHostPort(n.names[0])
	_, err := netip.ParseAddr(host)
	return err != nil
}

// lookUp resolves a host name, because the client library takes nothing but addresses. It prefers IPv4: a broker reached
// by IPv6 gives message ids in which the library misreads offsets.
func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host); err == nil && len(ips) > 0 {
		return ips, nil
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip6", host)
}

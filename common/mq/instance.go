package mq

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
)

// instances makes the names of clients. The client library shares one connection set among all producers and consumers
// of the same ip@instance, and then only the first of them gets check-backs (its internal/client.go): so every client
// has a name that no other client of this or any other process or host has.
type instances struct {
	prefix string
	last   atomic.Int64
}

func newInstances(process string) (*instances, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read host name: %w", err)
	}
	// Containers share process numbers and sometimes host names.
	unique := strings.ToLower(rand.Text()[:10])
	return &instances{prefix: fmt.Sprintf("%s-%s-%d-%s", plain(process), plain(host), os.Getpid(), unique)}, nil
}

// next is a new name. The role says in broker logs what the client is for.
func (i *instances) next(role string) string {
	return fmt.Sprintf("%s-%s-%d", i.prefix, plain(role), i.last.Add(1))
}

// plain keeps what may stand in a client id, where @, # and % have a meaning.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		default:
			return '-'
		}
	}, name)
}

// resolve turns host:port addresses into ip:port, because the client accepts nothing else. IPv4 goes first: a broker
// reached by IPv6 gives message ids in which the client misreads offsets.
func resolve(ctx context.Context, addresses []string) ([]string, error) {
	if len(addresses) == 0 {
		return nil, fmt.Errorf("no nameserver is configured: %w", ErrUnavailable)
	}
	var resolved []string
	for _, address := range addresses {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("nameserver address %q: %w", address, err)
		}
		ip, err := lookup(ctx, host)
		if err != nil {
			return nil, fmt.Errorf("look up nameserver %q: %w: %w", host, ErrUnavailable, err)
		}
		resolved = append(resolved, net.JoinHostPort(ip.String(), port))
	}
	return resolved, nil
}

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

package mq

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	serversMax      = 16
	refreshInterval = 10 * time.Second
	refreshTimeout  = 5 * time.Second
	// laggardGrace is how long the others have once one server has answered.
	laggardGrace = 300 * time.Millisecond
)

// nameServers knows where the nameservers are now: names may move to other addresses, and one of several servers may
// hang or be gone, which must keep nobody from asking the others. It implements primitive.NsResolver for the client,
// which calls Resolve with a lock held, so the answer comes from memory.
type nameServers struct {
	names []string // host:port, as they are configured

	mu       sync.RWMutex
	known    []string // ip:port of each name, empty for one that was never resolved
	answered []string // those of them that answered last time, all when none did
}

func newNameServers(names []string) (*nameServers, error) {
	if len(names) == 0 || len(names) > serversMax {
		return nil, fmt.Errorf("%d nameservers are configured, 1 to %d are possible: %w", len(names), serversMax, ErrUnavailable)
	}
	for _, name := range names {
		if _, _, err := net.SplitHostPort(name); err != nil {
			return nil, fmt.Errorf("nameserver address %q: %w", name, err)
		}
	}
	return &nameServers{names: names, known: make([]string, len(names))}, nil
}

// Resolve returns the servers to ask, in a copy, because the client sorts it in place.
func (n *nameServers) Resolve() []string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.Clone(n.answered)
}

// Description is for the client's log.
func (n *nameServers) Description() string { return "the nameservers that answer" }

// all is every server of which an address is known.
func (n *nameServers) all() []string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.DeleteFunc(slices.Clone(n.known), func(address string) bool { return address == "" })
}

// move tells whether a server can be another one later: only then it is worth looking again.
func (n *nameServers) move() bool {
	if len(n.names) > 1 {
		return true
	}
	host, _, _ := net.SplitHostPort(n.names[0])
	_, err := netip.ParseAddr(host)
	return err != nil
}

// look is what became of one server in a refresh.
type look struct {
	index    int
	address  string
	answered bool
	err      error
}

// refresh resolves all names and asks all servers, side by side. It fails when no address is known of any.
func (n *nameServers) refresh(ctx context.Context) error {
	looks := make(chan look, len(n.names))
	for i := range n.names {
		go func() { looks <- n.look(ctx, i) }()
	}
	var failed error
	var answered []string
	var laggards <-chan time.Time
	for range n.names {
		select {
		case l := <-looks:
			n.learn(l)
			failed = inOneLine(failed, l.err)
			if l.answered {
				answered = append(answered, l.address)
				laggards = time.After(laggardGrace)
			}
			continue
		case <-laggards:
		case <-ctx.Done():
		}
		break
	}
	known := n.all()
	if len(answered) == 0 {
		answered = known
	}
	n.mu.Lock()
	n.answered = answered
	n.mu.Unlock()
	if len(known) == 0 {
		return unavailable(ctx.Err(), failed)
	}
	return nil
}

func (n *nameServers) look(ctx context.Context, index int) look {
	host, port, err := net.SplitHostPort(n.names[index])
	if err != nil {
		return look{index: index, err: err}
	}
	l := look{index: index}
	ip, err := lookup(ctx, host)
	if err == nil {
		l.address = net.JoinHostPort(ip.String(), port)
	} else {
		l.err = fmt.Errorf("look up nameserver %q: %w", host, err)
		n.mu.RLock()
		l.address = n.known[index]
		n.mu.RUnlock()
	}
	if l.address != "" {
		_, _, err := exchange(ctx, l.address, requestClusterInfo, nil)
		l.answered = err == nil
	}
	return l
}

func (n *nameServers) learn(l look) {
	if l.address == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known[l.index] = l.address
}

// run refreshes until ctx ends.
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

// lookup prefers IPv4: a broker reached by IPv6 gives message ids in which the client misreads offsets. The client takes
// nothing but addresses.
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

// nameServerAnswer is what one nameserver said.
type nameServerAnswer struct {
	body    []byte
	absent  bool // it does not know the topic
	problem error
}

// askNameServer asks all nameservers side by side, and the first that has an answer is believed. That a topic is not
// there is believed once the others have had a moment to say otherwise.
func (b *Bus) askNameServer(ctx context.Context, code int, fields map[string]string, found any) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	servers := b.servers.all()
	answers := make(chan nameServerAnswer, len(servers))
	for _, server := range servers {
		go func() { answers <- askOne(ctx, server, code, fields) }()
	}
	var failed error
	var laggards <-chan time.Time
	for range servers {
		select {
		case a := <-answers:
			switch {
			case a.absent:
				laggards = time.After(laggardGrace)
			case a.problem != nil:
				failed = inOneLine(failed, a.problem)
			default:
				if err := json.Unmarshal(quoteKeys(a.body), found); err != nil {
					return fmt.Errorf("decode answer of a nameserver: %w", err)
				}
				return nil
			}
		case <-laggards:
			return errNoRoute
		}
	}
	if laggards != nil {
		return errNoRoute
	}
	return failed
}

// inOneLine joins the errors of several servers; nil is none.
func inOneLine(failed, err error) error {
	switch {
	case failed == nil:
		return err
	case err == nil:
		return failed
	}
	return fmt.Errorf("%w; %w", failed, err)
}

func askOne(ctx context.Context, server string, code int, fields map[string]string) nameServerAnswer {
	answer, body, err := exchange(ctx, server, code, fields)
	switch {
	case err != nil:
		return nameServerAnswer{problem: fmt.Errorf("ask nameserver %s: %w", server, err)}
	case answer.Code == responseTopicNotExist:
		return nameServerAnswer{absent: true}
	case answer.Code != responseSuccess:
		return nameServerAnswer{problem: fmt.Errorf("nameserver %s: code %d: %s: %w", server, answer.Code, answer.Remark, ErrUnavailable)}
	}
	return nameServerAnswer{body: body}
}

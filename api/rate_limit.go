package api

import (
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	// rateCallersMax bounds the memory of all limits to some 12 MiB. The caller that has not called for the longest is
	// forgotten first, and has a full burst when it comes back. Only who calls from more addresses than that can make use
	// of it, and has as many bursts anyway.
	rateCallersMax = 1 << 16
	rateBurst      = 2 // seconds' worth of requests

	clientPrefixBits = 64 // of an IPv6 address: the smallest network that a provider gives one customer
)

// rateLimits limits the requests of each caller, which is a buyer or a network address, by a token bucket of its own.
type rateLimits struct {
	perSecond int
	callers   *lru.Cache[string, *rate.Limiter] // nil: there is no limit
}

func newRateLimits(perSecond int) (*rateLimits, error) {
	if perSecond <= 0 {
		return &rateLimits{}, nil
	}
	callers, err := lru.New[string, *rate.Limiter](rateCallersMax)
	return &rateLimits{perSecond: perSecond, callers: callers}, err
}

// off tells whether there is no limit.
func (r *rateLimits) off() bool { return r.callers == nil }

// allow tells whether a caller may make one more request at this time. With times of time.Now, which have a monotonic
// clock reading, it works on when the wall clock is set.
func (r *rateLimits) allow(caller string, at time.Time) bool {
	if r.off() {
		return true
	}
	limiter, known := r.callers.Get(caller)
	if !known {
		limiter = rate.NewLimiter(rate.Limit(r.perSecond), rateBurst*r.perSecond)
		if other, exists, _ := r.callers.PeekOrAdd(caller, limiter); exists { // a concurrent request was faster
			limiter = other
		}
	}
	return limiter.AllowN(at, 1)
}

// clientNetwork returns what an address is limited under: an IPv4 address under itself, also when it is written as IPv6,
// and an IPv6 address under its network, in which a client has as many addresses as it likes.
func clientNetwork(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(clientPrefixBits)
	if err != nil {
		return address
	}
	return network.String()
}

package api

import (
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	// rateCallers bounds the memory to some 12 MiB whatever number of callers comes. Who has not called for the longest
	// makes room, and has a full burst again when he comes back. With that many addresses at hand, that is nothing that
	// he had not before.
	rateCallers = 1 << 16
	rateBurst   = 2 // seconds' worth

	clientPrefixBits = 64 // of an IPv6 address: what one customer of a network has at least
)

// callRates limits how fast one caller, a buyer or an address, may call: a token bucket for each.
type callRates struct {
	perSecond int
	callers   *lru.Cache[string, *rate.Limiter] // nil: there is no limit
}

func newCallRates(perSecond int) (*callRates, error) {
	if perSecond <= 0 {
		return &callRates{}, nil
	}
	callers, err := lru.New[string, *rate.Limiter](rateCallers)
	return &callRates{perSecond: perSecond, callers: callers}, err
}

// off tells that there is no limit.
func (r *callRates) off() bool { return r.callers == nil }

// take says whether the caller may make one more request now. Times with a steady clock beside the wall clock, as
// time.Now gives them, make it blind to a wall clock that is set.
func (r *callRates) take(caller string, at time.Time) bool {
	if r.off() {
		return true
	}
	limiter, known := r.callers.Get(caller)
	if !known {
		fresh := rate.NewLimiter(rate.Limit(r.perSecond), rateBurst*r.perSecond)
		if earlier, found, _ := r.callers.PeekOrAdd(caller, fresh); found {
			limiter = earlier
		} else {
			limiter = fresh
		}
	}
	return limiter.AllowN(at, 1)
}

// clientOf is whom an address stands for: itself in IPv4, also where it is written as IPv6, and its network in IPv6, in
// which a client has as many addresses as it likes.
func clientOf(address string) string {
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

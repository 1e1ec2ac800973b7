package api

import (
	"fmt"
	"testing"
)

func newRates(t testing.TB, perSecond int) *rateLimits {
	t.Helper()
	r, err := newRateLimits(perSecond)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Callers shared the slots of a table: of 100,000 buyers, 78 in 100 were held to what somebody else had done.
func TestRateIsOfOneCaller(t *testing.T) {
	r, now := newRates(t, 1), testNow()
	for buyer := range 50_000 {
		for n := range rateBurst {
			if !r.allow(fmt.Sprint("buyer-", buyer), now) {
				t.Fatalf("call %d of buyer %d was refused", n+1, buyer)
			}
		}
	}
	if r.allow("buyer-49999", now) {
		t.Error("a call beyond the burst went through")
	}
}

func TestMemoryOfCallersIsBounded(t *testing.T) {
	r, now := newRates(t, 1), testNow()
	for n := range rateCallersMax + 100 {
		r.allow(fmt.Sprint(n), now)
		r.allow("often", now)
	}
	if n := r.callers.Len(); n != rateCallersMax {
		t.Errorf("%d callers are remembered, want %d", n, rateCallersMax)
	}
	if r.allow("often", now) {
		t.Error("who calls all the time was forgotten")
	}
}

// A client with an IPv6 network has 2^64 addresses, and had as many rates.
func TestClientIsAnAddressOrItsNetwork(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		{"fe80::1%eth0", "fe80::1%eth1", true},
		{"", "", true},
	} {
		if a, b := clientNetwork(c.a), clientNetwork(c.b); (a == b) != c.same {
			t.Errorf("%s is %s, %s is %s", c.a, a, c.b, b)
		}
	}
}

func BenchmarkRate(b *testing.B) {
	r, now := newRates(b, 1_000_000), testNow()
	callers := make([]string, 1000)
	for i := range callers {
		callers[i] = fmt.Sprint("buyer-", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.allow(callers[i%len(callers)], now)
	}
}

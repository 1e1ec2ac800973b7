package api

import (
	"hash/maphash"
	"sync/atomic"
	"time"
)

// rateSlots bounds the memory to 512 KiB whatever number of callers comes. Two that share a slot share a rate; the seed
// is random, so nobody can choose whom to share with.
const rateSlots = 1 << 16

// callRates limits how fast one caller, a buyer or an address, may call. Each slot is the time, in Unix nanoseconds, at which its bucket would
// be full again (the generic cell rate algorithm, ITU-T I.371): one word per caller, no lock, nothing to expire.
type callRates struct {
	seed  maphash.Seed
	slots []atomic.Int64
	each  int64 // nanoseconds that one request costs
	burst int64 // nanoseconds that may be owed
}

func newCallRates(perSecond int) *callRates {
	if perSecond <= 0 {
		return &callRates{}
	}
	return &callRates{
		seed: maphash.MakeSeed(), slots: make([]atomic.Int64, rateSlots),
		each: int64(time.Second) / int64(perSecond), burst: 2 * int64(time.Second),
	}
}

// off tells that there is no limit.
func (r *callRates) off() bool { return len(r.slots) == 0 }

// take says whether the caller may make one more request now.
func (r *callRates) take(caller string, at time.Time) bool {
	if r.off() {
		return true
	}
	slot := &r.slots[maphash.String(r.seed, caller)%rateSlots]
	now := at.UnixNano()
	for {
		full := slot.Load()
		next := max(full, now) + r.each
		if next-now > r.burst {
			return false
		}
		if slot.CompareAndSwap(full, next) {
			return true
		}
	}
}

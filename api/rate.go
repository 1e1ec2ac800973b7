package api

import (
	"hash/maphash"
	"sync/atomic"
	"time"
)

// rateSlots bounds the memory to 512 KiB whatever number of buyers comes. Two buyers that share a slot share a rate;
// the seed is random, so nobody can choose whom to share with.
const rateSlots = 1 << 16

// buyerRates limits how fast one buyer may call. Each slot is the time, in Unix nanoseconds, at which its bucket would
// be full again (the generic cell rate algorithm, ITU-T I.371): one word per buyer, no lock, nothing to expire.
type buyerRates struct {
	seed  maphash.Seed
	slots []atomic.Int64
	each  int64 // nanoseconds that one request costs
	burst int64 // nanoseconds that may be owed
	now   func() time.Time
}

func newBuyerRates(perSecond int, now func() time.Time) *buyerRates {
	if perSecond <= 0 {
		return &buyerRates{}
	}
	return &buyerRates{
		seed: maphash.MakeSeed(), slots: make([]atomic.Int64, rateSlots),
		each: int64(time.Second) / int64(perSecond), burst: 2 * int64(time.Second), now: now,
	}
}

// take says whether the buyer may make one more request now.
func (r *buyerRates) take(buyer string) bool {
	if len(r.slots) == 0 {
		return true
	}
	slot := &r.slots[maphash.String(r.seed, buyer)%rateSlots]
	now := r.now().UnixNano()
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

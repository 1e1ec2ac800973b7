package store

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// Half is a half message whose transaction is still open.
type Half struct {
	Offset      int64 // physical offset in the log
	QueueOffset int64 // logical offset in the half topic
	Checks      int32 // check-backs already made

	stored   int64 // store time, Unix ms of the broker's clock
	immunity int64 // ms before the first check; 0 means the broker's transaction timeout
}

// Halves is the set of open half messages. A half enters when it is durable
// and leaves when its commit, rollback or discard is appended.
type Halves struct {
	mu   sync.Mutex
	open map[int64]Half
}

func newHalves() *Halves { return &Halves{open: make(map[int64]Half)} }

func (h *Halves) add(one Half) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[one.Offset] = one
}

// Find returns the open half at a physical offset.
func (h *Halves) Find(offset int64) (Half, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one, ok := h.open[offset]
	return one, ok
}

// finish takes the half out and reports whether it was still open.
func (h *Halves) finish(offset int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.open[offset]
	delete(h.open, offset)
	return ok
}

// checked records the number of check-backs of an open half.
func (h *Halves) checked(offset int64, checks int32) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	one, ok := h.open[offset]
	if !ok {
		return false
	}
	one.Checks = checks
	h.open[offset] = one
	return true
}

// Due returns the halves to check now, oldest first. A half stored in the
// future (the clock was set back) is due at once, as in
// TransactionalMessageServiceImpl.check. As in delays.head, the clock is read
// under the lock so that a half added meanwhile is not taken for one.
func (h *Halves) Due(clock func() int64, timeout int64) []Half {
	h.mu.Lock()
	now := clock()
	var list []Half
	for _, one := range h.open {
		wait := timeout
		if one.immunity > 0 {
			wait = one.immunity
		}
		if age := now - one.stored; age < -clockSlack || age >= wait {
			list = append(list, one)
		}
	}
	h.mu.Unlock()
	slices.SortFunc(list, byQueueOffset)
	return list
}

// All returns every open half, oldest first.
func (h *Halves) All() []Half {
	h.mu.Lock()
	list := slices.Collect(maps.Values(h.open))
	h.mu.Unlock()
	slices.SortFunc(list, byQueueOffset)
	return list
}

func byQueueOffset(a, b Half) int { return cmp.Compare(a.QueueOffset, b.QueueOffset) }

// Count is the number of open halves.
func (h *Halves) Count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.open)
}

// oldest returns the lowest physical offset of an open half.
func (h *Halves) oldest() (offset int64, found bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for o := range h.open {
		if !found || o < offset {
			offset, found = o, true
		}
	}
	return offset, found
}
